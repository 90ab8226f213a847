"""Tiers that come, go and change price under way, and another artifact: a router's verbs for it.

Every change is one event of the state's log, so all who share the state make it at the same place
in the order of reports; see `tracetier.route.carry` for what becomes of what was learned.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import structs

from tracetier.errors import StateError
from tracetier.route.change import (
    Probe,
    TierChange,
    change_event,
    price_factor,
    with_name,
    with_price,
    with_prices,
    with_tier,
    without_tier,
)
from tracetier.route.guard_settings import guard_params
from tracetier.route.model import Base, Model, base_at
from tracetier.route.outcome import check_outcome
from tracetier.route.reporting import Reporting
from tracetier.tiers import Tier


class TierChanges(Reporting):
    """The changes that a router can make while it runs."""

    def add_tier(
        self,
        tier: Tier,
        *,
        cost_usd: float | None = None,
        quality: float | None = None,
        probes: Iterable[Probe] = (),
    ) -> None:
        """Take in a tier that the model was not trained on; it starts from its neighbours by cost.

        It is believed little at first, so that its first reports count, and is explored like any
        other. Replayed ``probes`` are learned from at once.

        Parameters
        ----------
        tier : Tier
        cost_usd : float, optional
            Expected mean cost per request; by default by its price and that of a present tier.
        quality : float, optional
            Expected mean quality, 0-10; by default that of its neighbours.
        probes : iterable of Probe
            Tasks that were replayed on it, with their outcomes.

        Raises
        ------
        TierError
            If the name is taken, or nothing tells the cost.
        StateError, StorageError
            If the state was changed by another process meanwhile, or could not be stored.
        """
        self._catch_up()
        model = self._model
        changed = with_tier(
            model.columns,
            tier,
            prior=model.base.prior,
            cost_ref=model.cost_ref,
            cost_usd=cost_usd,
            quality=quality,
            tokens=[model.tokens_of(column) for column in model.columns],
        )
        self._change(model.base, changed)
        self.probe(tier.name, probes)

    def probe(self, name: str, probes: Iterable[Probe]) -> int:
        """Learn from tasks that were replayed on a tier; return how many.

        Raises
        ------
        TierError, FeedbackError
            For an unknown tier, or an outcome out of range; then nothing is learned.
        """
        checked = [(each, check_outcome("probe", each.quality, each.cost_usd)) for each in probes]
        self.tiers.index(name)
        for each, event in checked:
            decision = self._decide(each.task, self.lam, [name], None, is_probe=True)
            now_s = self._clock()
            self._learn([structs.replace(event, decision_id=decision.decision_id, time_s=now_s)])
        return len(checked)

    def remove_tier(self, name: str) -> None:
        """Never take a tier again, from the next decision on; open decisions of it are dropped.

        Raises
        ------
        TierError
            For an unknown tier, or the last one.
        StateError, StorageError
            As `add_tier` says.
        """
        self._catch_up()
        self._change(self._model.base, without_tier(self._model.columns, name))

    def rename_tier(self, name: str, new: str) -> None:
        """Call a tier by another name; everything else stays. Errors as of `remove_tier`."""
        self._catch_up()
        changed = with_name(self._model.columns, name, new)
        self._change(self._model.base, changed, renamed={name: new})

    def reprice(self, name: str, *, factor: float | None = None, tier: Tier | None = None) -> None:
        """Take note of a tier's new price; what was learned of its cost moves with it.

        Parameters
        ----------
        name : str
        factor : float, optional
            New price over the old one, > 0; by default by the prices of the two declarations,
            weighted by the tokens that the tier's calls were made of in training.
        tier : Tier, optional
            Its declaration from now on, of the same name.

        Raises
        ------
        TierError
            For an unknown tier, or where nothing tells the factor.
        StateError, StorageError
            As `add_tier` says.
        """
        self._catch_up()
        columns = self._model.columns
        column = columns[self.tiers.index(name)]
        if factor is None:
            old, tokens = column.tier, self._model.tokens_of(column)
            factor = price_factor(old, tier or old, tokens)
        self._change(self._model.base, with_price(columns, name, factor, tier))

    def take_prices(self) -> None:
        """Reprice the tiers whose declared price is no longer the one their cost is predicted at.

        Costs are predicted at the prices of training; a tier that is declared at others in
        ``tracetier.toml`` gets the factor of its token mix, in the state, so once for all who
        share it. Tiers without own prices or without known tokens stay as they are, and so does
        one whose cost would move by less than 1 %.

        Raises
        ------
        StateError, StorageError
            As `add_tier` says.
        """
        found = self._price_change()
        while found is not None:
            try:
                self._change(self._model.base, found)
            except StateError:
                # Another process that starts at the same time may have made the same change.
                again = self._price_change()
                if again == found:
                    raise
                found = again
            else:
                return

    def _price_change(self) -> TierChange | None:
        """Return the change that the declared prices ask for; ``None`` where they ask for none."""
        with self._replica.lock:
            self._take_layout()
            stored = self._replica.learner.columns
        model = self._model
        if stored is not None:
            at_price = [column.tier for column in stored]
        else:
            at_price = list((model.base.trained or model.tiers).tiers)
        return with_prices(
            model.columns, at_price, [model.tokens_of(column) for column in model.columns]
        )

    def swap(self, path: str | Path) -> None:
        """Decide with another artifact from the next decision on, and keep what reports taught.

        The artifact is audited before anything changes. Buckets and tiers are matched by name;
        what was reported of a cell is said again around the new prediction, so the reports keep
        their weight. Tiers and prices are the new artifact's. The state then carries its id.

        Raises
        ------
        ArtifactError
            If the artifact is missing, damaged or of a future format; nothing changed.
        StateError, StorageError
            As `add_tier` says.
        """
        base = base_at(str(path), self._settings, like=self._model.base.predictor)
        model = Model(base)
        self._catch_up()
        guard_params(self._settings, model.tiers)  # a rule that names a tier it lacks
        old = list(self._model.names)
        self._bases[base.artifact_id] = base
        sources = [old.index(name) if name in old else -1 for name in model.names]
        scale = [self._model.cost_ref / base.cost_ref if base.cost_ref else 1.0] * len(sources)
        self._change(base, TierChange(model.columns, sources, scale), is_same_model=False)
        self.take_prices()
        self._replica.save()

    def _catch_up(self) -> None:
        """Go on with the tiers that the state has by now: who decided nothing since may not."""
        self._check_open()
        self._replica.flush()
        with self._replica.lock:
            self._take_layout()

    def _take_layout(self) -> None:
        if self._replica.learner.layout != self._model.layout:
            self._follow()

    def _change(
        self,
        base: Base,
        changed: TierChange,
        *,
        is_same_model: bool = True,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        """Have everybody who shares the state go on with other tiers, or another model."""
        self._check_open()
        now = self._model
        new = Model(base, changed.columns, layout=now.layout + 1)
        guard_params(self._settings, new.tiers)  # a rule may name a tier that is no more
        event = change_event(
            new,
            now,
            changed,
            strategy=self.strategy,
            lam=self.lam,
            is_same_model=is_same_model,
            renamed=renamed or {},
        )
        self._replica.report([event])
        with self._replica.lock:
            learner = self._replica.learner
            self._follow()
            is_done = learner.layout == new.layout and learner.artifact[0] == new.artifact_id
            if not is_done or self._model.names != new.names:
                raise StateError(
                    "the tiers were changed by another process at the same time, so this change "
                    f"was not made; the tiers are now {', '.join(self._model.names)}: look, and "
                    "change again"
                )
