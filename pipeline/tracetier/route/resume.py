"""Go on from a stored state, or refuse it: what was learned fits one artifact and one strategy."""

from tracetier.errors import StateError
from tracetier.route.state.document import StateDocument, decode_document
from tracetier.route.state.store import StateStore
from tracetier.route.strategy import StrategyParams, replace_params, strategy_name


def resume(
    store: StateStore, fresh: StateDocument, *, params: StrategyParams | None, reset: bool
) -> StateDocument:
    """Return the stored document, or the fresh one where there is none to go on from.

    Parameters
    ----------
    store : StateStore
        Read once; never written here.
    fresh : StateDocument
        The state before any decision, of the artifact, strategy and lambda at hand.
    params : optional
        Replace the settings that the stored strategy had.
    reset : bool
        Take the fresh one whatever is stored.

    Raises
    ------
    StateError
        If the stored state is damaged, of a future format, or of another artifact or strategy.
    """
    data = store.load()
    if data is None or reset:
        return fresh
    document = decode_document(data, where=store.name)
    _check_belongs(document, fresh, store.name)
    document.lam = fresh.lam
    if params is not None:
        document.strategy = replace_params(document.strategy, params)
    return document


def _check_belongs(document: StateDocument, fresh: StateDocument, where: str) -> None:
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
    if document.tiers != fresh.tiers or document.buckets != fresh.buckets:
        raise StateError(
            f"{where} has the tiers {document.tiers} and {len(document.buckets)} buckets, the "
            f"artifact {fresh.artifact_id!r} has {fresh.tiers} and {len(fresh.buckets)}; {mend}"
        )
