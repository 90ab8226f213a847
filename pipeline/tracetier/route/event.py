"""What happens to a state: the events whose fold, in the order of one log, it is.

Every process that applies the same events in the same order has the same state to the bit. An
event carries its own time, so nothing in the fold looks at a clock.
"""

from hashlib import sha256

import msgspec
from msgspec import Struct

from tracetier.errors import StateError
from tracetier.route.move import Move
from tracetier.route.policy.caps import Cap

MAX_ID_CHARS = 128
"""Longest id of a session or trace that is kept as it is; a longer one is kept as its hash."""


class Decided(Struct, frozen=True, array_like=True, tag="d", gc=False):
    """A decision, with all that learning from its report will need.

    Attributes
    ----------
    decision_id : str
    bucket, tier : int
        Indices of the bucket and of the tier taken.
    quality, cost : list of float, length K
        What the model predicted of each tier: quality and reward cost, both in [0, 1].
    lam : float
        Lambda of the decision.
    propensity : float
        Probability with which the tier was taken, in (0, 1].
    time_s : float
        When, in seconds since 1970 (UTC).
    session_id, trace_id : str, optional
        What the decision belongs to.
    tenant : str, optional
        Who pays for it.
    explored : bool
        Whether the tier was drawn at random.
    usd, dear_usd : float
        What the tier taken, and the dearest, were believed to cost.
    dear_quality : float
        What was believed of the dearest tier's quality, 0-10.
    layout : int
        Layout of the tiers and buckets that the indices belong to, see `Changed`.
    """

    decision_id: str
    bucket: int
    tier: int
    quality: list[float]
    cost: list[float]
    lam: float
    propensity: float
    time_s: float
    session_id: str | None = None
    trace_id: str | None = None
    tenant: str | None = None
    explored: bool = False
    usd: float = 0.0
    dear_usd: float = 0.0
    dear_quality: float = 0.0
    layout: int = 0


class Reported(Struct, frozen=True, array_like=True, tag="r", gc=False):
    """The outcome of a decision, or a part of it: quality 0-10, cost in USD."""

    decision_id: str
    quality_10: float | None
    cost_usd: float | None
    time_s: float


class TraceReported(Struct, frozen=True, array_like=True, tag="t", gc=False):
    """The outcome of a whole trace, credited to its decisions whose quality is still out.

    With ``only_unreported`` a decision that had any report of its own, of its cost say, is left
    out as well.
    """

    trace_id: str
    quality_10: float
    only_unreported: bool
    time_s: float


class Configured(Struct, frozen=True, array_like=True, tag="c", gc=False):
    """Settings that the fold depends on; ``None`` leaves one as it is.

    Attributes
    ----------
    lam : float, optional
        Default lambda.
    pending_ttl_s : float, optional
        Seconds after which a decision is no longer waited for.
    max_pending : int, optional
        Decisions kept open, at most.
    params : dict, optional
        Settings of the strategy.
    caps : list of Cap, optional
        Hard caps whose buckets the state keeps.
    """

    lam: float | None = None
    pending_ttl_s: float | None = None
    max_pending: int | None = None
    params: dict[str, object] | None = None
    caps: list[Cap] | None = None


class Reset(Struct, frozen=True, array_like=True, tag="z", gc=False):
    """What was learned of a tier, of a bucket, or (both given) of one cell is forgotten."""

    bucket: int | None
    tier: int | None


class Changed(Struct, frozen=True, array_like=True, tag="x", gc=False):
    """Other tiers, or another model: what was learned is carried over.

    Attributes
    ----------
    layout : int
        The layout that it was made for. Where another change came first it changes nothing.
    document : str
        The new layout's state before any decision, as JSON.
    move : Move
        Where its tiers and buckets come from.
    renamed : dict of str to str
        New name of a tier by its old one.
    """

    layout: int
    document: str
    move: Move
    renamed: dict[str, str] = {}


Event = Decided | Reported | TraceReported | Configured | Reset | Changed

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """Return the event as one line of JSON."""
    return _ENCODER.encode(event)


def decode_event(data: bytes, *, where: str) -> Event:
    """Return the event; floats have the bits that they were written with.

    Raises
    ------
    StateError
        If it is no event, or one of a newer version.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise StateError(
            f"{where} holds an event that this version of tracetier cannot read ({error}): "
            f"{bytes(data[:80])!r}; upgrade tracetier, or restore the state from a copy"
        ) from error


def bounded_id(text: str | None) -> str | None:
    """Return an id of a session or trace in at most `MAX_ID_CHARS` characters.

    Examples
    --------
    >>> bounded_id("s-1"), len(bounded_id("x" * 1000))
    ('s-1', 64)
    """
    if text is None or len(text) <= MAX_ID_CHARS:
        return text
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
