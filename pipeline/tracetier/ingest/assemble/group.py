"""Spans as they are read, in any order → groups of traces that belong together.

A group is a trace, or all traces of a session: what an invocation could know of. It may be spread
over lines and files, so groups stay open until all is read, or until there is more than may be held
in memory. Then those that were touched longest ago are closed; what still comes for them starts
another part, and everybody who asks is told.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from tracetier.ingest.span import Addition, Span

MAX_SPANS = 100_000
MAX_CHARS = 64_000_000
"""Spans, and characters of their texts, that are held at a time: about 200 MB."""

_BATCH = 2_000  # spans that are assembled together, since small groups are many
_KEPT = 0.9
Origin = TypeVar("Origin")
Name = tuple[str, str]
"""``trace`` or ``session``, and its id."""


class Batch(NamedTuple, Generic[Origin]):
    """Whole groups, to be assembled together.

    Attributes
    ----------
    spans : list of Span
    origins : list of Origin
        Where each span was read.
    additions : list of Addition
        About these spans, or about a step that only its id tells.
    parts : set of str
        Traces of which, or of whose session, an earlier part was closed.
    is_shared : bool
        Whether other files tell of these groups too, so that this may be a part of them.
    """

    spans: list[Span]
    origins: list[Origin]
    additions: list[Addition]
    parts: set[str]
    is_shared: bool = False


class _Group(Generic[Origin]):
    def __init__(self, number: int) -> None:
        self.number = self.first = number
        self.spans: list[Span] = []
        self.origins: list[Origin] = []
        self.additions: list[Addition] = []
        self.keys: list[tuple[str, str]] = []
        self.n_chars = 0
        self.is_part = self.is_closed = self.is_shared = self.is_awaited = False


class Grouper(Generic[Origin]):
    """Collects spans, each trace and session together.

    Parameters
    ----------
    max_spans, max_chars : int
        What may be held at a time.
    is_shared : callable, optional
        Whether other files tell of a trace or session too.
    wants : callable, optional
        Whether other files tell of a span, by its id alone.
    last_of : callable, optional
        The last file that tells of a trace or session, -1 where one alone does.

    Attributes
    ----------
    n_late : int
        Spans that came when their trace had been closed.
    n_cut : int
        Traces and sessions that were closed, and then went on.
    loose : list of Addition
        About steps that no batch so far has held.
    """

    def __init__(
        self,
        *,
        max_spans: int = MAX_SPANS,
        max_chars: int = MAX_CHARS,
        is_shared: Callable[[Name], bool] | None = None,
        wants: Callable[[Span], bool] | None = None,
        last_of: Callable[[Name], int] | None = None,
    ) -> None:
        self.n_late = self.n_cut = 0
        self._is_shared, self._wants, self._last_of = is_shared, wants, last_of
        self._due: defaultdict[int, list[Name]] = defaultdict(list)
        self.loose: list[Addition] = []
        self._max_spans, self._max_chars = max_spans, max_chars
        self._n_spans = self._n_chars = self._n_groups = 0
        self._groups: OrderedDict[int, _Group[Origin]] = OrderedDict()
        self._group_of: dict[tuple[str, str], _Group[Origin]] = {}
        self._last_key: tuple[str, str | None] | None = None
        self._last: _Group[Origin] = _Group(-1)  # spans of one trace mostly come in a row
        self._closed: set[int] = set()  # hashes of the keys: ids are long

    def add(self, span: Span, origin: Origin) -> None:
        """Take a span."""
        if (span.trace_id, span.session_id) != self._last_key or self._last.is_closed:
            group = self._group(("trace", span.trace_id))
            if span.session_id:
                group = self._joined(group, ("session", span.session_id))
            self._last, self._last_key = group, (span.trace_id, span.session_id)
        group = self._last
        group.spans.append(span)
        group.origins.append(origin)
        n_chars = len(span.text)
        group.n_chars += n_chars
        self._n_spans += 1
        self._n_chars += n_chars
        if self._wants is not None and self._wants(span):
            group.is_shared = group.is_awaited = True
        if self._closed and hash(("trace", span.trace_id)) in self._closed:
            self.n_late += 1

    def add_addition(self, addition: Addition) -> None:
        """Take what is told of a span, a trace or a session."""
        if addition.trace_id:
            self._group(("trace", addition.trace_id)).additions.append(addition)
        elif _is_loose(addition):
            self.loose.append(addition)
        elif addition.session_id:
            self._group(("session", addition.session_id)).additions.append(addition)

    def overflow(self) -> Iterator[Batch[Origin]]:
        """Close groups while there are too many spans, the longest untouched first."""
        if self._n_spans > self._max_spans or self._n_chars > self._max_chars:
            n_spans, n_chars = _KEPT * self._max_spans, _KEPT * self._max_chars
            due = []
            while self._n_spans > n_spans or self._n_chars > n_chars:
                group = self._close(next(iter(self._groups.values())))
                due.append(group)
                if not group.is_shared:  # else its parts come together elsewhere
                    self._closed.update(map(hash, group.keys))
            yield from self._batches(due)

    def close_until(self, file: int) -> Iterator[Batch[Origin]]:
        """Close the groups of which no file after this one tells."""
        last_of = self._last_of
        due = []
        for name in self._due.pop(file, ()):
            group = self._group_of.get(name)
            if group is None or group.is_awaited:
                continue
            if last_of and all(last_of(key) <= file for key in group.keys):
                due.append(self._close(group))
        yield from self._batches(sorted(due, key=lambda group: group.first))

    def finish(self) -> Iterator[Batch[Origin]]:
        """Close all groups, in the order in which their first spans came."""
        due = sorted(self._groups.values(), key=lambda group: group.first)
        for group in due:
            self._close(group)
        yield from self._batches(due)

    def put_back(self, additions: list[Addition]) -> list[Addition]:
        """Keep those whose step another batch may hold, return the others."""
        self.loose += filter(_is_loose, additions)
        return [addition for addition in additions if not _is_loose(addition)]

    def _batches(self, groups: list[_Group[Origin]]) -> Iterator[Batch[Origin]]:
        batch: Batch[Origin] = Batch([], [], [], set())
        for group in groups:
            if group.is_shared and self._last_of is None:
                yield Batch(group.spans, group.origins, group.additions, set(), is_shared=True)
                continue
            batch.spans.extend(group.spans)
            batch.origins.extend(group.origins)
            batch.additions.extend(group.additions)
            if group.is_part:
                batch.parts.update(span.trace_id for span in group.spans)
            if len(batch.spans) >= _BATCH:
                yield self._with_loose(batch)
                batch = Batch([], [], [], set())
        if batch.spans or batch.additions:
            yield self._with_loose(batch)

    def _with_loose(self, batch: Batch[Origin]) -> Batch[Origin]:
        loose, self.loose = self.loose, []
        batch.additions.extend(loose)
        return batch

    def _group(self, key: tuple[str, str]) -> _Group[Origin]:
        group = self._group_of.get(key)
        if group is None:
            group = self._groups[self._n_groups] = _Group(self._n_groups)
            self._n_groups += 1
            self._name(group, key)
        else:
            self._groups.move_to_end(group.number)
        return group

    def _joined(self, group: _Group[Origin], key: tuple[str, str]) -> _Group[Origin]:
        """Return a group with all that another key names."""
        other = self._group_of.get(key)
        if other is group:
            return group
        if other is None:
            self._name(group, key)
            return group
        if len(other.spans) > len(group.spans):
            group, other = other, group
        del self._groups[other.number]
        other.is_closed = True
        self._groups.move_to_end(group.number)
        group.spans += other.spans
        group.origins += other.origins
        group.additions += other.additions
        group.n_chars += other.n_chars
        group.first = min(group.first, other.first)
        group.is_part |= other.is_part
        group.is_shared |= other.is_shared
        group.is_awaited |= other.is_awaited
        for name in other.keys:
            self._group_of[name] = group
        group.keys += other.keys
        return group

    def _name(self, group: _Group[Origin], key: tuple[str, str]) -> None:
        self._group_of[key] = group
        group.keys.append(key)
        if self._closed and hash(key) in self._closed:
            group.is_part = True
            self.n_cut += 1
        if self._is_shared is not None:
            group.is_shared |= self._is_shared(key)
        if self._last_of is not None and (last := self._last_of(key)) >= 0:
            self._due[last].append(key)

    def _close(self, group: _Group[Origin]) -> _Group[Origin]:
        del self._groups[group.number]
        group.is_closed = True
        for key in group.keys:
            del self._group_of[key]
        self._n_spans -= len(group.spans)
        self._n_chars -= group.n_chars
        return group


def _is_loose(addition: Addition) -> bool:
    """Whether only the step's own id tells what is meant."""
    return not addition.trace_id and bool(addition.span_id or addition.response_id)
