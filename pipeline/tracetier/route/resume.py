"""Go on from a stored state, or refuse it: what was learned fits one artifact and one strategy."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from tracetier.errors import StateError
from tracetier.route.event import Changed, Configured
from tracetier.route.policy.caps import Cap
from tracetier.route.state.document import StateDocument, decode_document
from tracetier.route.state.mark import Stored
from tracetier.route.state.replica import Replica
from tracetier.route.state.store import StateStore
from tracetier.route.strategy import StrategyParams, replace_params, strategy_name
from tracetier.route.watch import Watch

Number = TypeVar("Number", int, float)


class Wanted(NamedTuple):
    """Settings that a router was given; ``None`` keeps those of the state."""

    params: StrategyParams | None = None
    max_pending: int | None = None
    pending_ttl_s: float | None = None
    caps: Sequence[Cap] | None = None


def resume(stored: Stored, fresh: StateDocument, *, where: str) -> StateDocument:
    """Return the stored document, after it was checked to fit.

    Parameters
    ----------
    stored : Stored
    fresh : StateDocument
        The state before any decision, of the artifact, strategy and lambda at hand.
    where : str
        Names the store in messages.

    Raises
    ------
    StateError
        If the stored state is damaged, of a future format, or of another artifact or strategy.
    """
    document = decode_document(stored.document, where=where)
    check_belongs(document, fresh, where)
    return document


def join_store(
    store: StateStore, fresh: StateDocument, wanted: Wanted, watch: Watch, *, reset: bool
) -> Replica:
    """Return a replica that goes on from what a store holds, under the settings wanted.

    Parameters
    ----------
    store : StateStore
    fresh : StateDocument
        The state before any decision, of the artifact, strategy and lambda at hand.
    wanted : Wanted
    watch : Watch
        Told of what is decided and reported.
    reset : bool
        Put the fresh state in place of whatever there is.

    Raises
    ------
    StateError
        If the stored state is damaged, of a future format, or of another artifact or strategy.
    """

    def accept(document: StateDocument) -> None:
        if document.layout == 0 or document.artifact_path is None:
            check_belongs(document, fresh, store.name)

    stored = None if reset else store.load()
    if stored is None:
        return Replica(store, fresh, accept=accept, replaces=reset, watch=watch)
    document = decode_document(stored.document, where=store.name)
    if not any(isinstance(event, Changed) for event in stored.events):
        check_belongs(document, fresh, store.name)
    replica = Replica(store, document, stored.events, accept=accept, is_stored=True, watch=watch)
    try:
        check_belongs(replica.learner.document(), fresh, store.name)
    except StateError:
        replica.stop()
        raise
    change = change_of_settings(replica.learner.document(), wanted, lam=fresh.lam)
    if change is not None:
        replica.configure(change)
    return replica


def change_of_settings(document: StateDocument, wanted: Wanted, *, lam: float) -> Configured | None:
    """Return the event that brings a state's settings to what is wanted, if any is needed.

    Raises
    ------
    SettingsError
        For settings of another strategy.
    """
    params = wanted.params
    if params is not None:
        replace_params(document.strategy, params)
        if params == document.strategy.params:
            params = None
    change = Configured(
        lam=None if lam == document.lam else lam,
        pending_ttl_s=_unless(wanted.pending_ttl_s, document.pending_ttl_s),
        max_pending=_unless(wanted.max_pending, document.max_pending),
        params=None if params is None else msgspec.to_builtins(params),
        caps=None if wanted.caps in (None, document.caps) else list(wanted.caps or ()),
    )
    return None if change == Configured() else change


def _unless(wanted: Number | None, present: Number) -> Number | None:
    return None if wanted == present else wanted


def check_belongs(document: StateDocument, fresh: StateDocument, where: str) -> None:
    """Raise `StateError` unless a document is of the artifact and strategy of the fresh one."""
    mend = "use another state, or move this one away to start anew (in Python: reset=True)"
    if document.artifact_id != fresh.artifact_id:
        raise StateError(
            f"{where} belongs to artifact {document.artifact_id!r}, this router to "
            f"{fresh.artifact_id!r}, and what was learned on one does not fit the other; {mend}"
        )
    theirs, ours = strategy_name(document.strategy), strategy_name(fresh.strategy)
    if theirs != ours:
        raise StateError(
            f"{where} was learned with strategy {theirs!r}, this router uses {ours!r}; "
            f"use strategy {theirs!r}, or {mend}"
        )
    expected = fresh.tiers if document.columns is None else document.tiers
    if document.tiers != expected or document.buckets != fresh.buckets:
        raise StateError(
            f"{where} has the tiers {document.tiers} and {len(document.buckets)} buckets, the "
            f"artifact {fresh.artifact_id!r} has {fresh.tiers} and {len(fresh.buckets)}; {mend}"
        )
