"""How a router and its store stand, for whoever watches over them."""

from msgspec import Struct


class Health(Struct, frozen=True, kw_only=True):
    """How a router and its store stand.

    Attributes
    ----------
    is_ok : bool
        Whether the store answered the last time.
    reason : str or None
        Why not.
    store : str
    age_s : float
        Seconds since what is known here was last in step with the store; 0 in memory.
    position : int
        Events folded in so far.
    n_queued : int
        Decisions, and reports of an unfinished batch, that the store does not have yet.
    n_dropped : int
        Decisions that were dropped because too many had to wait.
    n_restored : int
        Times that a store which had lost its state was given this process's.
    unfolded : str or None
        Why the log could not be folded into the document the last time. The store takes decisions
        and reports all the same, and its log grows.
    alarms : tuple of str
        Tiers and inputs that are no longer as they were learned, in the last day. They ask for a
        look; the router goes on.
    """

    is_ok: bool
    reason: str | None
    store: str
    age_s: float
    position: int
    n_queued: int
    n_dropped: int
    n_restored: int
    unfolded: str | None = None
    alarms: tuple[str, ...] = ()
