"""A problem document becomes the error that a router would have raised."""

import httpx
import msgspec
import pytest

from tracetier import errors
from tracetier.client.answer import decoded, error_of
from tracetier.records import Feedback
from tracetier.serve.problems import (
    ProblemError,
    not_stored,
    of_error,
    of_invalid,
    unknown_decision,
)
from tracetier.serve.schema import HealthAnswer

URL = "http://service/v1/route"


def _answer(problem: ProblemError) -> httpx.Response:
    return httpx.Response(
        problem.status, content=problem.body("r1"), request=httpx.Request("POST", URL)
    )


def _invalid_body() -> ProblemError:
    try:
        msgspec.json.decode(b'{"decision_id": 1}', type=Feedback)
    except msgspec.ValidationError as error:
        return of_invalid(error)
    raise AssertionError


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        pytest.param(of_error(errors.TierError("no tier; give a")), errors.TierError, id="tier"),
        pytest.param(of_error(errors.SettingsError("x; y")), errors.SettingsError, id="lam"),
        pytest.param(of_error(errors.PolicyError("x; y")), errors.PolicyError, id="policy"),
        pytest.param(of_error(errors.CapError("x; y")), errors.CapError, id="cap"),
        pytest.param(of_error(errors.ArtifactError("x; y")), errors.ArtifactError, id="artifact"),
        pytest.param(of_error(errors.StateError("x; y")), errors.ServiceError, id="conflict"),
        pytest.param(not_stored(), errors.StorageError, id="not stored"),
        pytest.param(unknown_decision("d1"), errors.FeedbackError, id="unknown decision"),
        pytest.param(_invalid_body(), errors.FeedbackError, id="wrong report"),
        pytest.param(
            ProblemError("too-large", 413, "the body is too large"), errors.InputError, id="large"
        ),
        pytest.param(
            ProblemError("too-many-requests", 429, "slow"), errors.ServiceError, id="rate"
        ),
        pytest.param(ProblemError("internal", 500, "failed"), errors.ServiceError, id="bug"),
    ],
)
def test_the_error_is_of_the_kind_that_a_router_raises(
    problem: ProblemError, kind: type[errors.TracetierError]
) -> None:
    """With the field and the mend of the service."""
    error = error_of(_answer(problem))

    assert type(error) is kind
    assert (error.field, error.mend) == (problem.field, problem.mend)
    assert problem.detail in str(error)
    assert problem.mend is None or problem.mend in str(error)


def test_a_failure_of_the_service_names_the_request() -> None:
    """Its log tells the rest by that."""
    assert "(request r1)" in str(error_of(_answer(ProblemError("internal", 500, "failed"))))


def test_an_answer_that_is_none_of_ours_says_so() -> None:
    """As from a proxy, or from whatever else listens on that port."""
    page = httpx.Response(502, text="<html>", request=httpx.Request("POST", URL))
    other = httpx.Response(200, json={"hello": 1}, request=httpx.Request("POST", URL))

    assert str(error_of(page)) == (
        "http://service/v1/route answered 502; check that a tracetier service is there"
    )
    with pytest.raises(errors.ServiceError, match=r"is no HealthAnswer: .* listens there"):
        decoded(other, HealthAnswer)
