"""Work on a stored state without the router, or the artifact, that made it."""

import os

from tracetier.errors import StateError
from tracetier.records import Feedback
from tracetier.route.learner import Learner, Snapshot
from tracetier.route.outcome import check_outcome
from tracetier.route.state.document import decode_document, encode_document
from tracetier.route.state.store import StateStore, open_state

StateUrl = str | os.PathLike[str] | StateStore


def feedback_to_state(
    url: StateUrl,
    decision_id: str | Feedback,
    *,
    quality: float | None = None,
    cost_usd: float | None = None,
) -> bool:
    """Apply one report to a stored state, as the router that made the decision would have.

    The state is locked from reading to writing, so several such calls may run at once. A router
    that has the same JSON file open is told at its next save, and does not overwrite the report.

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

    Returns
    -------
    bool
        ``False`` where the decision's report had come before; then nothing is learned, and the
        second report is counted.

    Raises
    ------
    FeedbackError
        For an unknown decision or a value out of range.
    StateError
        If there is no state, or it cannot be read.
    StorageError
        If it cannot be written; the old state then stands.
    """
    outcome = check_outcome(decision_id, quality, cost_usd)
    store = open_state(url)
    _read(store)  # before a lock file, or its folder, is made for a path that was mistyped
    with store.exclusive():
        learner = _read(store)
        is_new = learner.apply(outcome)
        store.save(encode_document(learner.document()))
        return is_new


def snapshot_of_state(url: StateUrl, *, lam: float | None = None) -> Snapshot:
    """Return what a stored state knows; ``lam`` is the state's own default unless given.

    Raises
    ------
    StateError
        If there is no state, or it cannot be read.
    """
    return _read(open_state(url)).snapshot(lam)


def _read(store: StateStore) -> Learner:
    data = store.load()
    if data is None:
        raise StateError(
            f"{store.name} does not exist, so no decision waits in it; give the state that the "
            "router was loaded with (it is written when the router is closed)"
        )
    return Learner(decode_document(data, where=store.name))
