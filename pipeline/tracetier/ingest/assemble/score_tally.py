"""Which scores were in the logs, and what must be said of those that could not be used."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tracetier.ingest.assemble.score_map import Fault, ScoreMap
from tracetier.ingest.assemble.score_map_file import toml_key
from tracetier.ingest.span import Score


class ScoreSummary(Struct, frozen=True, kw_only=True):
    """Scores of one name.

    Attributes
    ----------
    name : str
    n, n_used : int
        In the logs, and of them those that said something of quality.
    unused : dict of str to int
        The others by why: ``unmapped``, ``no_range``, ``out_of_range``, ``not_a_number``.
    low, high : float, optional
        Least and greatest number seen.
    labels : tuple of str
        Some of the texts seen.
    """

    name: str
    n: int
    n_used: int
    unused: dict[str, int]
    low: float | None
    high: float | None
    labels: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all were used."""
        return self.n_used == self.n

    def to_map(self) -> str:
        """Return the lines for ``tracetier.toml`` that map this score once they are completed."""
        lines = [f"[scores.{toml_key(self.name)}]", 'better = "?"  # "high" or "low"']
        if self.labels:
            labels = ", ".join(f"{json.dumps(label)} = 0.0" for label in self.labels)
            lines.append(f"labels = {{ {labels} }}  # from 0 to 1")
        if self.low is not None and self.high is not None:
            lines += [f"low = {self.low:g}  # least seen", f"high = {self.high:g}  # greatest seen"]
        return "\n".join(lines)


_N_LABELS = 6


class ScoreTally:
    """Adds up the scores of a run by name."""

    def __init__(self, scores: ScoreMap) -> None:
        self._map = scores
        self._verdicts: dict[str, Counter[Fault | None]] = {}
        self._seen: dict[str, list[float]] = {}
        self._labels: dict[str, dict[str, None]] = {}

    def add(self, scores: Iterable[Score]) -> None:
        """Count some scores."""
        for score in scores:
            found = self._map.quality_of(score)
            verdict = found if isinstance(found, str) else None
            self._verdicts.setdefault(score.name, Counter())[verdict] += 1
            if isinstance(score.value, str):
                labels = self._labels.setdefault(score.name, {})
                if len(labels) < _N_LABELS:
                    labels.setdefault(score.value[:40])
            elif not isinstance(score.value, bool):
                ends = self._seen.get(score.name, [])
                self._seen[score.name] = [min([*ends, score.value]), max([*ends, score.value])]

    def merge(self, other: "ScoreTally") -> None:
        """Add what another one counted."""
        for name, verdicts in other._verdicts.items():
            self._verdicts.setdefault(name, Counter()).update(verdicts)
        for name, ends in other._seen.items():
            mine = self._seen.get(name, [])
            self._seen[name] = [min([*mine, *ends]), max([*mine, *ends])]
        for name, labels in other._labels.items():
            both = self._labels.get(name, {}) | labels
            self._labels[name] = dict.fromkeys(list(both)[:_N_LABELS])

    def summaries(self) -> tuple[ScoreSummary, ...]:
        """Return what was counted, the most frequent name first."""
        ranked = sorted(self._verdicts.items(), key=lambda item: (-item[1].total(), item[0]))
        return tuple(self._summary(name, verdicts) for name, verdicts in ranked)

    def _summary(self, name: str, verdicts: Mapping[Fault | None, int]) -> ScoreSummary:
        low, high = self._seen.get(name, [None, None])
        return ScoreSummary(
            name=name,
            n=sum(verdicts.values()),
            n_used=verdicts.get(None, 0),
            unused={why: n for why, n in sorted(verdicts.items(), key=str) if why is not None},
            low=low,
            high=high,
            labels=tuple(self._labels.get(name, ())),
        )


def merged(found: Iterable[ScoreSummary]) -> tuple[ScoreSummary, ...]:
    """Return one summary per name for those of several files, the most frequent name first."""
    by_name: dict[str, list[ScoreSummary]] = {}
    for one in found:
        by_name.setdefault(one.name, []).append(one)
    whole = [_merged(name, parts) for name, parts in by_name.items()]
    return tuple(sorted(whole, key=lambda one: (-one.n, one.name)))


def _merged(name: str, parts: Sequence[ScoreSummary]) -> ScoreSummary:
    unused = sum((Counter(part.unused) for part in parts), Counter[str]())
    labels = dict.fromkeys(label for part in parts for label in part.labels)
    return ScoreSummary(
        name=name,
        n=sum(part.n for part in parts),
        n_used=sum(part.n_used for part in parts),
        unused=dict(sorted(unused.items())),
        low=min((part.low for part in parts if part.low is not None), default=None),
        high=max((part.high for part in parts if part.high is not None), default=None),
        labels=tuple(labels)[:_N_LABELS],
    )
