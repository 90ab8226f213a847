"""Events that were appended together, as one value: MessagePack, a list of events.

Half as long as a line of JSON for each, and several times as fast. What an earlier version kept is
a line of JSON with one event, which begins with a bracket, as no list in MessagePack does.
"""

from collections.abc import Sequence

import msgspec

from tracetier.errors import StateError
from tracetier.route.event import Event, decode_event

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Event]).decode


def pack_events(events: Sequence[Event]) -> bytes:
    """Return the events, one or more, as one value; floats keep their bits."""
    return _encode(events)


def unpack_events(data: bytes, *, where: str) -> list[Event]:
    """Return the events of a value.

    Parameters
    ----------
    data : bytes
        As from `pack_events`, or one event as from `encode_event`.
    where : str
        Names the store in messages.

    Raises
    ------
    StateError
        If they are no events, or some of a newer version.

    Examples
    --------
    >>> from tracetier.route.event import Reported, encode_event
    >>> event = Reported("d", 8.0, None, 0.1)
    >>> unpack_events(pack_events([event, event]), where="here") == [event, event]
    True
    >>> unpack_events(encode_event(event), where="here") == [event]
    True
    """
    if data[:1] == b"[":
        return [decode_event(data, where=where)]
    try:
        return _decode(data)
    except msgspec.MsgspecError as error:
        raise StateError(
            f"{where} holds events that this version of tracetier cannot read ({error}): "
            f"{bytes(data[:80])!r}; upgrade tracetier, or restore the state from a copy"
        ) from error
