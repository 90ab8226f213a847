"""Work on a stored state without the router, or the artifact, that made it.

Routers that have the state open take part: a report or a reset is an event of their log too, and a
rollback is noticed at their next look at the store.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tracetier.errors import StateError, StorageError
from tracetier.records import Feedback
from tracetier.route.event import Event, Reset
from tracetier.route.learner import Learner, Snapshot
from tracetier.route.outcome import Receipt, check_outcome
from tracetier.route.state.document import (
    StateDocument,
    decode_document,
    encode_document,
    pack_document,
)
from tracetier.route.state.follower import new_epoch
from tracetier.route.state.mark import Mark
from tracetier.route.state.merge import merge_documents
from tracetier.route.state.replica import Replica
from tracetier.route.state.store import StateStore, open_state

StateUrl = str | os.PathLike[str] | StateStore

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_TRIES = 20


def feedback_to_state(
    url: StateUrl,
    decision_id: str | Feedback,
    *,
    quality: float | None = None,
    cost_usd: float | None = None,
    clock: Callable[[], float] = time.time,
) -> Receipt:
    """Apply one report to a stored state, as the router that made the decision would have.

    Parameters
    ----------
    url : str, path or StateStore
        See `open_state`.
    decision_id : str or Feedback
        The id that the decision carries; or the whole report.
    quality : float, optional
        0-10.
    cost_usd : float, optional
        USD, >= 0.
    clock : callable
        Seconds since 1970.

    Returns
    -------
    Receipt
        What was new; false where everything had come before. The second report is counted.

    Raises
    ------
    FeedbackError
        For an unknown decision or a value out of range.
    StateError
        If there is no state, or it cannot be read.
    StorageError
        If it cannot be written; the old state then stands.
    """
    event = check_outcome(decision_id, quality, cost_usd, time_s=clock())
    with _replica_of(url) as replica:
        return replica.learn([event])[0]


def snapshot_of_state(url: StateUrl, *, lam: float | None = None) -> Snapshot:
    """Return what a stored state knows; ``lam`` is the state's own default unless given.

    Raises
    ------
    StateError
        If there is no state, or it cannot be read.
    """
    with _opened(url) as store:
        return _read(store).snapshot(lam)


def bucket_of(url: StateUrl, decision_id: str) -> str | None:
    """Return the context bucket of a decision that is open, ``None`` where none is."""
    with _opened(url) as store:
        document = _read(store).document()
    decision = document.pending.get(decision_id) or document.partial.get(decision_id)
    return None if decision is None else document.buckets[decision.bucket]


def export_state(url: StateUrl) -> bytes:
    """Return a state as JSON, with the events that its log holds folded in."""
    with _opened(url) as store:
        return encode_document(_read(store).document())


def keep_state(url: StateUrl, name: str) -> None:
    """Keep the state as it is now under a name, beside it; `roll_back` can go back to it.

    Raises
    ------
    StateError
        If there is no state, or one is kept under that name already.
    """
    if not _NAME.fullmatch(name):
        raise StateError(
            f"{name!r} is no name for a snapshot; give 1 to 64 letters, digits, '.', '_' or '-', "
            "not '.' or '-' at the start"
        )
    with _opened(url) as store:
        document = pack_document(_read(store).document())
        if name in store.kept():
            raise StateError(f"{store.name} has a snapshot {name!r} already; give another name")
        store.keep(name, document)


def kept_states(url: StateUrl) -> dict[str, Snapshot]:
    """Return what the snapshots know that were kept beside a state, by name."""
    with _opened(url) as store:
        return {
            name: Learner(
                decode_document(data, where=f"{store.name}, snapshot {name!r}")
            ).snapshot()
            for name, data in store.kept().items()
        }


def roll_back(url: StateUrl, name: str) -> None:
    """Put a snapshot in place of the state; what came after it is gone, unless it was kept too.

    Raises
    ------
    StateError
        If nothing is kept under that name, or it cannot be read.
    """
    with _opened(url) as store:
        kept = store.kept()
        if name not in kept:
            known = ", ".join(kept) or "none"
            raise StateError(f"{store.name} has no snapshot {name!r}; there are: {known}")
        _put(store, decode_document(kept[name], where=f"{store.name}, snapshot {name!r}"))


def import_state(data: bytes, url: StateUrl, *, where: str) -> None:
    """Put an exported state in place of whatever state is there.

    Raises
    ------
    StateError
        If the data is no state; ``where`` names it.
    """
    document = decode_document(data, where=where)
    with _opened(url) as store:
        _put(store, document)


def merge_states(one: StateUrl, other: StateUrl, out: StateUrl) -> Snapshot:
    """Merge two states that learned apart into a new one; see `merge_documents`.

    Raises
    ------
    StateError
        If one is missing, they do not fit together, or there is a state at ``out`` already.
    """
    with _opened(one) as first, _opened(other) as second:
        merged = merge_documents(
            _read(first).document(), _read(second).document(), names=(first.name, second.name)
        )
    merged.epoch = new_epoch()
    with _opened(out) as store:
        if not store.replace(pack_document(merged), Mark(merged.epoch, 0), expected=None):
            raise StateError(f"{store.name} holds a state already; give another place for the sum")
        return _read(store).snapshot()


def reset_state(url: StateUrl, *, tier: str | None = None, bucket: str | None = None) -> Snapshot:
    """Forget what was learned of a tier, a bucket, or (both given) one tier in one bucket.

    Raises
    ------
    StateError
        If there is no state, neither is given, or one is not known.
    """
    if tier is None and bucket is None:
        raise StateError("neither a tier nor a bucket is given to reset; give one, or both")
    with _replica_of(url) as replica:
        document = replica.learner.document()
        event = Reset(
            None if bucket is None else _index(document.buckets, bucket, "bucket"),
            None if tier is None else _index(document.tiers, tier, "tier"),
        )
        replica.report([event])
        return replica.learner.snapshot()


def _index(names: Sequence[str], name: str, what: str) -> int:
    if name not in names:
        raise StateError(f"{what} {name!r} is not known to the state; it has {', '.join(names)}")
    return names.index(name)


def _put(store: StateStore, document: StateDocument) -> None:
    """Put a document in place of the state, under a new epoch, whatever comes in between."""
    document.epoch = new_epoch()
    mark = Mark(document.epoch, document.position)
    for _ in range(_TRIES):
        stored = store.load()
        end = None
        if stored is not None:
            end = stored.mark._replace(position=stored.mark.position + len(stored.events))
        if store.replace(pack_document(document), mark, expected=end):
            return
    raise StorageError(
        f"{store.name} was changed {_TRIES} times while it was to be replaced; stop those who "
        "write to it, then try again"
    )


@contextmanager
def _opened(url: StateUrl) -> Iterator[StateStore]:
    store = open_state(url)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _replica_of(url: StateUrl) -> Iterator[Replica]:
    with _opened(url) as store:
        document, events = _loaded(store)
        replica = Replica(store, document, events, is_stored=True, is_alone=True)
        yield replica
        replica.close()


def _read(store: StateStore) -> Learner:
    document, events = _loaded(store)
    learner = Learner(document)
    for event in events:
        learner.fold(event)
    return learner


def _loaded(store: StateStore) -> tuple[StateDocument, Sequence[Event]]:
    stored = store.load()
    if stored is None:
        raise StateError(
            f"{store.name} does not exist, so no decision waits in it; give the state that the "
            "router was loaded with (it is written when the router is closed)"
        )
    return decode_document(stored.document, where=store.name), stored.events
