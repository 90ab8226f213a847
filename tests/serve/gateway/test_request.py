"""A request's body, and the same with another model."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracetier.serve.gateway.request import RequestError, read_body

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=30)
@given(st.dictionaries(st.text(), JSON, max_size=3), st.text(min_size=1))
def test_only_the_model_is_another(fields: dict[str, object], model: str) -> None:
    """Every other field is the same, in the same order."""
    fields = fields | {"model": "tracetier"}
    body = read_body(json.dumps(fields).encode())

    sent = json.loads(body.sent_as(model, api="openai"))
    assert sent == fields | {"model": model}
    assert list(sent) == list(fields)


def test_values_are_copied_as_they_were_written() -> None:
    """Numbers keep their digits, texts their escapes, objects their blanks."""
    raw = b'{"model":"x","seed":1.50e2,"messages":[ {"content" : "\\u00e9\\/"} ],"n":1e999}'

    sent = read_body(raw).sent_as("y", api="openai")
    assert sent == raw.replace(b'"x"', b'"y"')


def test_half_a_pair_of_surrogates_goes_on_as_it_came() -> None:
    """Clients leave it where they cut a text; it is no reason to refuse the request."""
    body = read_body(b'{"model": "tracetier", "messages": ["cut \\ud83d"]}')

    assert body.sent_as("m", api="openai") == b'{"model":"m","messages":["cut \\ud83d"]}'


def test_of_a_field_that_stands_twice_one_is_sent() -> None:
    """Or the upstream might take the model that was not looked at."""
    body = read_body(b'{"model":"tracetier","model":"opus"}')

    assert body.model == "opus"
    assert body.sent_as("low", api="openai") == b'{"model":"low"}'


@pytest.mark.parametrize(
    ("stream", "options", "api", "is_asked"),
    [
        pytest.param(True, None, "openai", True, id="a stream"),
        pytest.param(False, None, "openai", False, id="no stream"),
        pytest.param(True, {"include_usage": False}, "openai", False, id="the client said no"),
        pytest.param(True, None, "anthropic", False, id="always told"),
    ],
)
def test_usage_is_asked_for_only_where_it_is_not_told(
    stream: bool, options: object, api: str, is_asked: bool
) -> None:
    """And never against the client's word."""
    fields = {"model": "tracetier", "stream": stream}
    body = read_body(json.dumps(fields | ({"stream_options": options} if options else {})).encode())

    sent = json.loads(body.sent_as("m", api=api, ask_usage=True))  # type: ignore[arg-type]
    assert (sent.get("stream_options") == {"include_usage": True}) is is_asked
    assert "stream_options" not in json.loads(
        read_body(b'{"model":"a"}').sent_as("m", api="openai")
    )


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[1]", id="list"),
        pytest.param(b'{"model":', id="cut off"),
        pytest.param(b'{"a":' * 100_000, id="deep"),
        pytest.param(b'{"messages":[]}', id="no model"),
        pytest.param(b'{"model":7}', id="a number"),
        pytest.param(b'{"model":" "}', id="blank"),
        pytest.param(b'{"model":"\\ud800"}', id="half a pair"),
        pytest.param(b'{"\xff":1}', id="not UTF-8"),
        pytest.param(json.dumps({"model": "m" * 257}).encode(), id="endless"),
    ],
)
def test_what_is_no_request_is_refused(raw: bytes) -> None:
    """With a status, never a crash."""
    with pytest.raises(RequestError) as caught:
        read_body(raw)

    assert caught.value.status == 400
