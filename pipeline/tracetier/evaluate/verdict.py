"""The verdict in words: what to remember, and what would change it.

Page, card, terminal and JSON all take their sentences from here, so they can never disagree.
"""

from tracetier.evaluate.number_format import counted, percent, scaled
from tracetier.evaluate.result import MIN_ESS, Evaluation, FullResult, LoggedResult, PolicyOutcome
from tracetier.measures.bootstrap import Interval

_FEW = 10
_MOST_NAMED = 4


def headline(found: Evaluation) -> str:
    """Return the one sentence to remember."""
    if found.full is not None:
        return _full_headline(found.full)
    assert found.logged is not None
    return _logged_headline(found.logged, found.lam) + _unknown(found)


def judgement(found: Evaluation) -> tuple[str, bool]:
    """Return the verdict in a few words, and whether it speaks for routing."""
    if found.full is None:
        assert found.logged is not None
        if found.logged.router.is_supported:
            if found.logged.gain.low > 0:
                return "Routing beats what the logs did", True
            if found.logged.gain.high < 0:
                return "What the logs did was better", False
            return "No gain over what the logs did is shown", False
        return "Not identifiable from these logs", False
    point, frontier = found.full.calibrated["quality_99"], found.full.router.frontier
    if frontier is None or not frontier.gap_closed.low > 0:
        return "No gain over mixing fixed tiers is shown", False
    if _rival(found.full, point) is not None:
        return "A fixed tier does as well at 99 % of the quality", False
    if not point.saving.low > 0:
        return "No saving at 99 % of the quality is shown", False
    versus = found.full.versus_bucket_mean
    if versus is not None and versus.gap_closed.high < 0:
        return "Routing pays, and means per bucket do it better", True
    if versus is not None and not versus.gap_closed.low > 0:
        return "Routing pays, as means per bucket do too", True
    return "Routing pays", True


def would_change(found: Evaluation) -> tuple[str, ...]:
    """Return what would change the verdict, each a sentence that names its number."""
    sentences: list[str] = []
    if found.full is not None:
        sentences += _full_changes(found, found.full)
    if found.logged is not None:
        sentences += _logged_changes(found)
    if found.learning:
        sentences.append(_more_traces(found))
    if found.n_out_of_fold:
        sentences.append(
            f"Tasks that were not in training: {found.n_out_of_fold:,} of {found.n_tasks:,} were, "
            "and are judged out of fold; a held-out table is the cleaner test."
        )
    return tuple(sentences)


def _full_headline(found: FullResult) -> str:
    point, tier = found.calibrated["quality_99"], found.reference
    text = (
        f"Set beforehand to keep 99 % of {tier}'s quality, the router keeps "
        f"{percent(point.quality_kept)} at {percent(point.cost_share)} of its cost."
    )
    rival = _rival(found, point)
    if rival is not None:
        fixed = found.fixed[rival]
        text += (
            f" Always {rival}, which needs no router, keeps {percent(fixed.quality_kept)} at "
            f"{percent(fixed.cost_share)}."
        )
    return text


def _rival(found: FullResult, point: PolicyOutcome) -> str | None:
    """Return the best fixed tier that costs no more and whose quality is within the interval."""
    rivals = [
        name
        for name, fixed in found.fixed.items()
        if name != found.reference
        and fixed.cost_share.estimate <= point.cost_share.estimate
        and fixed.quality_kept.estimate >= point.quality_kept.low
    ]
    return max(rivals, key=lambda name: found.fixed[name].quality.estimate, default=None)


def _logged_headline(found: LoggedResult, lam: float) -> str:
    router = found.router
    if not router.is_supported:
        return (
            "The log holds too few rows on which the router takes the logged tier to claim a "
            f"value (effective sample size {router.ess:.0f})."
        )
    return (
        f"At lambda {lam:g} the router would have scored "
        f"{scaled(router.quality, '.2f', scale=10.0)} of 10 at "
        f"{scaled(router.cost_usd, '.3g', unit=' USD')} per task; the log's own choices scored "
        f"{scaled(found.as_logged.quality, '.2f', scale=10.0)} at "
        f"{scaled(found.as_logged.cost_usd, '.3g', unit=' USD')}."
    )


def unknown_cells(found: Evaluation) -> list[tuple[str, str]]:
    """Return tier and kind of task where a log says too little, the commonest kinds first."""
    return [
        (tier, kind.kind)
        for kind in found.coverage
        for tier, seen in kind.tiers.items()
        if seen.ess < MIN_ESS
    ]


def _unknown(found: Evaluation) -> str:
    """Name the tiers that a log says too little of; by kind only where a tier is known at all."""
    if not found.coverage:
        return ""
    thin = unknown_cells(found)
    everywhere = [
        tier for tier in found.tiers if sum(tier == each for each, _ in thin) == len(found.coverage)
    ]
    here = [f"{tier} on {kind}" for tier, kind in thin if tier not in everywhere]
    named = [*everywhere, *here]
    if not named:
        return ""
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return f" Not identifiable for {', '.join(named[:_MOST_NAMED])}{more}."


def _full_changes(found: Evaluation, full: FullResult) -> list[str]:
    point = full.calibrated["quality_99"]
    sentences = (
        [_against_bucket_mean(full.versus_bucket_mean.gap_closed)]
        if (full.versus_bucket_mean is not None)
        else []
    )
    if point.quality_kept.low < 0.99:
        sentences.append(
            f"A worse draw of tasks: the interval of the quality kept reaches down to "
            f"{100 * point.quality_kept.low:.1f} %. Four times as many tasks would halve it."
        )
    price = _break_even(full, point)
    if price is not None:
        sentences.append(
            f"Prices: if {full.reference} cost {100 * price:.0f} % of what it costs now and the "
            "others stayed as they are, the saving at this point would be gone."
        )
    few = [kind.kind for kind in found.coverage if kind.n < _FEW]
    if few:
        more = f" and {len(few) - _MOST_NAMED} more" if len(few) > _MOST_NAMED else ""
        sentences.append(
            f"Kinds of task with fewer than {_FEW} tasks say little by themselves: "
            f"{', '.join(few[:_MOST_NAMED])}{more}."
        )
    return sentences


def _against_bucket_mean(gain: Interval) -> str:
    lead = f"({scaled(gain, '+.1f', scale=100.0)} points of the gap closed)"
    if gain.low > 0:
        return f"The model beats a plain mean per bucket {lead}; it would not if that fell to 0."
    if gain.high < 0:
        return (
            f"A plain mean per bucket does better than the model {lead}: route by task type alone "
            "until more traces are there."
        )
    return (
        f"A plain mean per bucket does as well as the model, as far as these tasks can tell {lead};"
        " more tasks would show which is better."
    )


def _break_even(full: FullResult, point: PolicyOutcome) -> float | None:
    """Price of the reference, as a share of today's, at which the point saves nothing."""
    reference = full.fixed[full.reference].cost_usd.estimate
    rest = 1.0 - point.share[full.reference]
    if point.saving.estimate <= 0 or rest <= 0 or reference <= 0:
        return None
    others = sum(
        share * full.fixed[name].cost_usd.estimate
        for name, share in point.share.items()
        if name != full.reference
    )
    price = others / (rest * reference)
    return price if 0 < price < 1 else None


def _logged_changes(found: Evaluation) -> list[str]:
    thin = unknown_cells(found)
    if not thin:
        return []
    cells = ", ".join(f"{tier} on {kind}" for tier, kind in thin[:_MOST_NAMED])
    more = f" and {len(thin) - _MOST_NAMED} more" if len(thin) > _MOST_NAMED else ""
    return [
        f"Outcomes that the log does not hold: below an effective sample size of {MIN_ESS:g} are "
        f"{cells}{more}. Routing a share of such tasks there at random would tell."
    ]


def _more_traces(found: Evaluation) -> str:
    last = found.learning[-1]
    if last.gained is None:
        return f"More traces: the learning curve has one point ({counted(last.n_tasks, 'task')})."
    before = found.learning[-2]
    growth = (
        f"from {before.n_tasks:,} to {last.n_tasks:,} tasks the gap closed changed by "
        f"{scaled(last.gained, '+.1f', scale=100.0)} points"
    )
    if last.gained.low > 0:
        return f"More traces: {growth}, so it is still learning."
    return f"More traces: {growth}, so what is still to be learned from more is within the noise."
