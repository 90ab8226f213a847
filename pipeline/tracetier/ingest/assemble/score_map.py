"""Scores of a log → quality in [0, 1], by an explicit map from names to directions.

``hallucination: 1`` is bad and ``correctness: 1`` is good, so a name that is neither in the user's
map nor defined by the format itself is never used, only listed.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from msgspec import Struct

from tracetier.errors import SettingsError
from tracetier.ingest.span import Score

SOURCES = ("given", "feedback", "human", "reference", "programmatic", "judge", "proxy")
"""Of one name, the score of the first of these sources that gave any is taken."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_VERDICTS = {"true": True, "yes": True, "false": False, "no": False}
Fault = Literal["unmapped", "no_range", "not_a_number", "out_of_range"]


class ScoreRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a score of some name says of quality.

    Attributes
    ----------
    better : {"high", "low"}
        Which end of the scale is good.
    low, high : float, optional
        Ends of the scale; by default those that the log states, 0 and 1 for verdicts.
    weight : float, optional
        Its weight where several scores are averaged: all rules have one, or none has.
    labels : dict of str to float
        Values of labels on the scale.
    """

    better: Literal["high", "low"]
    low: float | None = None
    high: float | None = None
    weight: float | None = None
    labels: dict[str, float] = {}


class Quality(NamedTuple):
    """Quality in [0, 1], who judged, by which scores, and when."""

    value: float
    source: str
    name: str
    time: datetime | None


class ScoreMap:
    """The user's rules by the name of the score; without weights the first that applies counts.

    Parameters
    ----------
    rules : mapping of str to ScoreRule
        In order of preference.

    Raises
    ------
    SettingsError
        If only some rules have a weight, a weight is not positive, or a scale has no length.
    """

    def __init__(self, rules: Mapping[str, ScoreRule]) -> None:
        self.rules = dict(rules)
        _check_weights(self.rules)
        for name, rule in self.rules.items():
            if rule.low is not None and rule.high is not None and not rule.low < rule.high:
                raise SettingsError(
                    f"score {name!r} goes from low = {rule.low:g} to high = {rule.high:g}; low "
                    'must be less than high, say better = "low" where low values are good'
                )

    def quality_of(self, score: Score) -> float | Fault:
        """Return what one score says, or why it says nothing.

        Examples
        --------
        >>> scores = ScoreMap({"toxicity": ScoreRule(better="low", low=0, high=10)})
        >>> scores.quality_of(Score(name="toxicity", value=2))
        0.8
        >>> scores.quality_of(Score(name="correctness", value=1.0))
        'unmapped'
        """
        rule = self.rules.get(score.name)
        if rule is None:
            if score.better is None:
                return "unmapped"
            rule = ScoreRule(better=score.better)
        share = _share(score, rule)
        return 1 - share if isinstance(share, float) and rule.better == "low" else share

    def choose(self, scores: Iterable[Score]) -> Quality | None:
        """Return the quality that several scores of one invocation amount to.

        Of each name and source the newest counts, the later in the list among equals; of each name
        the first source in `SOURCES`. With weights all are averaged, else the first in the map
        stands alone, a name that only the format defines after all others.
        """
        newest: dict[tuple[str, str], tuple[Score, float]] = {}
        for score in scores:
            value = self.quality_of(score)
            if not isinstance(value, str):
                key = (score.name, score.source or "given")
                before = newest.get(key)
                if before is None or _time(score) >= _time(before[0]):
                    newest[key] = (score, value)
        by_name: dict[str, Quality] = {}
        for name, source in sorted(newest, key=lambda key: SOURCES.index(key[1])):
            score, value = newest[name, source]
            by_name.setdefault(name, Quality(value, source, name, score.time))
        return self._together(by_name)

    def _together(self, by_name: dict[str, Quality]) -> Quality | None:
        ranked = [by_name[name] for name in self.rules if name in by_name]
        weighted = [(quality, self.rules[quality.name].weight) for quality in ranked]
        if not ranked:
            return next(iter(by_name.values()), None)
        weights = [weight for _, weight in weighted if weight is not None]
        if len(weights) < 2:
            return ranked[0]
        value = sum(quality.value * weight for quality, weight in zip(ranked, weights, strict=True))
        return Quality(
            value / sum(weights),
            "+".join(dict.fromkeys(quality.source for quality in ranked)),
            "+".join(quality.name for quality in ranked),
            max((quality.time for quality in ranked if quality.time), default=None),
        )


def _check_weights(rules: Mapping[str, ScoreRule]) -> None:
    bare = [name for name, rule in rules.items() if rule.weight is None]
    if bare and len(bare) < len(rules):
        raise SettingsError(
            f"score {bare[0]!r} has no weight, but others have; give each a weight to average "
            "them, or none to take the first in the map that a row has"
        )
    for name, rule in rules.items():
        if rule.weight is not None and not rule.weight > 0:
            raise SettingsError(f"score {name!r} has weight {rule.weight:g}, must be > 0")


def _share(score: Score, rule: ScoreRule) -> float | Fault:
    """Return how far up its scale a score is, from 0 to 1."""
    value: float | bool | str = score.value
    low = score.low if rule.low is None else rule.low
    high = score.high if rule.high is None else rule.high
    if isinstance(value, str):
        if value in rule.labels:
            value = rule.labels[value]
            low, high = 0.0 if low is None else low, 1.0 if high is None else high
        else:
            value = _from_text(value)
    if isinstance(value, bool):
        return float(value)  # a verdict is one end of whatever scale
    if isinstance(value, str):
        return "not_a_number"
    if low is None or high is None:
        return "no_range"
    return (value - low) / (high - low) if low <= value <= high and low < high else "out_of_range"


def _from_text(value: str) -> float | bool | str:
    word = value.strip().lower()
    if word in _VERDICTS:
        return _VERDICTS[word]
    try:
        return float(word)
    except ValueError:
        return value


def _time(score: Score) -> datetime:
    time = score.time or _EARLIEST
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time
