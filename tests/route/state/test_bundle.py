"""Events as one value."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import StateError
from tracetier.route.event import Decided, Event, Reported, TraceReported, encode_event
from tracetier.route.state.bundle import pack_events, unpack_events

_number = st.floats(allow_nan=False, allow_infinity=False)
_event: st.SearchStrategy[Event] = st.one_of(
    st.builds(Reported, st.text(), st.none() | _number, st.none() | _number, _number),
    st.builds(TraceReported, st.text(), _number, st.booleans(), _number),
    st.builds(
        *(Decided, st.text(), st.integers(0, 9), st.integers(0, 9)),
        *(st.lists(_number), st.lists(_number), _number, _number, _number),
    ),
)


@given(st.lists(_event, min_size=1))
def test_events_come_back_to_the_bit(events: list[Event]) -> None:
    """Of all kinds, in their order."""
    back = unpack_events(pack_events(events), where="here")

    assert back == events
    assert [encode_event(event) for event in back] == [encode_event(event) for event in events]


@given(_event)
def test_an_event_of_the_version_before_is_a_bundle_of_one(event: Event) -> None:
    """Whatever it holds, it begins as no bundle does."""
    assert unpack_events(encode_event(event), where="here") == [event]
    assert pack_events([event])[:1] != b"["


@pytest.mark.parametrize(
    "data", [b"", b"\x91", b"[", b"\x91\x91\xa6future", msgspec.msgpack.encode({"a": 1})]
)
def test_what_is_no_bundle_is_told(data: bytes) -> None:
    """Torn, foreign, or of a later version."""
    with pytest.raises(StateError, match=r"here holds .*cannot read .*upgrade tracetier"):
        unpack_events(data, where="here")
