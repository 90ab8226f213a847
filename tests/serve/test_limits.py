"""Bounds of bodies, of their depth, and of requests in time."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.serve.auth import Access
from tracetier.serve.limits import MAX_CALLERS, RateLimit, read_json
from tracetier.serve.problems import ProblemError
from tracetier.settings import Settings

if TYPE_CHECKING:
    from tests.serve.conftest import Ask, MakeApp

SECRET = "s3cret-token-of-the-tests-0123456789"


SMALL = Settings(max_body_bytes=2048)


@pytest.mark.parametrize("path", ["/v1/route", "/v1/artifact"])
@pytest.mark.parametrize("is_streamed", [False, True], ids=["told length", "in chunks"])
def test_a_body_beyond_the_bound_is_refused(
    make_app: "MakeApp", path: str, is_streamed: bool, ask: "Ask"
) -> None:
    """By its length before it is read, or as soon as it is beyond."""
    body = b'{"task": {"text": "' + b"x" * 3000 + b'"}}'

    async def chunks() -> object:
        for start in range(0, len(body), 500):
            yield body[start : start + 500]

    answer = ask(make_app(SMALL), "POST", path, content=chunks() if is_streamed else body)

    assert answer.status_code == 413
    assert "2,048" in answer.json()["detail"]


def test_a_body_at_the_bound_is_served(make_app: "MakeApp", ask: "Ask") -> None:
    """To the byte."""
    body = b'{"task": {"text": "' + b"x" * (2048 - 22) + b'"}}'

    assert len(body) == 2048
    assert ask(make_app(SMALL), "POST", "/v1/route", content=body).status_code == 200


@given(st.integers(1, 12), st.booleans())
def test_a_document_is_as_deep_as_it_may_be_and_not_deeper(depth: int, is_object: bool) -> None:
    """Depth counted by hand: so many brackets around nothing."""
    body = b'{"a":' * depth + b"1" + b"}" * depth if is_object else b"[" * depth + b"]" * depth

    if depth <= 6:
        read_json(body, max_depth=6)
    else:
        with pytest.raises(ProblemError, match="more than 6"):
            read_json(body, max_depth=6)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    """Only those within each other count."""
    assert read_json(b"[" + b",".join([b"[]"] * 500) + b"]", max_depth=2) == [[]] * 500


def test_what_is_far_too_deep_is_refused_and_not_a_crash() -> None:
    """A hundred thousand brackets."""
    with pytest.raises(ProblemError) as told:
        read_json(b"[" * 100_000)

    assert told.value.status in (400, 422)


def test_a_caller_who_is_too_quick_is_told_when_to_come_again(
    make_app: "MakeApp", ask: "Ask"
) -> None:
    """Two at once of each caller, at one a second; another caller is not held up."""
    access = Access([("a", ["read"], SECRET), ("b", ["read"], SECRET[::-1])])
    app = make_app(Settings(requests_per_s=1.0), access=access)

    def of(token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return ask(app, "GET", "/v1/policy", headers=headers).status_code

    assert [of(SECRET) for _ in range(3)] == [200, 200, 429]
    assert of(SECRET[::-1]) == 200
    refused = ask(app, "GET", "/v1/policy", headers={"authorization": f"Bearer {SECRET}"})
    assert int(refused.headers["retry-after"]) >= 1
    assert ask(app, "GET", "/healthz").status_code == 200


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_more_than_the_rate_and_the_burst_is_let_through(waits: list[float]) -> None:
    """Over any stretch of time: at most burst + rate * seconds."""
    now = [0.0]
    limit = RateLimit(2.0, burst=3, clock=lambda: now[0])
    n_let = 0
    for wait in waits:
        now[0] += wait
        n_let += limit.wait_s("a") == 0.0

    assert n_let <= 3 + 2.0 * now[0] + 1e-9


def test_callers_who_are_remembered_are_bounded() -> None:
    """A million addresses do not fill the memory."""
    limit = RateLimit(1.0)
    for i in range(MAX_CALLERS + 50):
        limit.wait_s(str(i))

    assert len(limit._buckets) == MAX_CALLERS
