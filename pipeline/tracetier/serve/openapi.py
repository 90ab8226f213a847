"""The page that describes the service, from the records that it reads and writes.

What the framework knows of the mounted parts is taken as it is; the service's own routes are
described from the same `msgspec` records that their bodies are decoded by, with an example each.
"""

from typing import Any, Final, NamedTuple

import msgspec

from tracetier.serve import schema
from tracetier.serve.dashboard.answer import Overview
from tracetier.serve.dashboard.overview import WINDOWS
from tracetier.serve.problems import Problem

Json = dict[str, Any]  # Any: a JSON document

DECISION_EXAMPLE: Final[Json] = {
    "decision_id": "91f0c2a87d3e4b65",
    "tier": "haiku",
    "model": "claude-haiku-4-5",
    "propensity": 0.96,
    "propensities": {"haiku": 0.96, "sonnet": 0.03, "opus": 0.01},
    "scores": {
        "haiku": {
            "quality": 0.82,
            "cost_usd": 0.0011,
            "reward": 8.19,
            "sd": 0.21,
            "prior_reward": 8.05,
        }
    },
    "reasons": ["haiku has the highest reward for bucket code_edit"],
    "bucket": "code_edit",
    "lam": 0.3,
    "strategy": "residual",
    "artifact_id": "5b1d0e6fa2c4",
    "explored": False,
    "timestamp": "2026-01-05T09:30:00Z",
}


class _Body(NamedTuple):
    record: type
    examples: Json


class Described(NamedTuple):
    """A route of the service's own."""

    method: str
    path: str
    summary: str
    answer: type | str
    body: _Body | None = None
    example: Json | None = None
    errors: tuple[int, ...] = ()
    params: tuple[Json, ...] = ()
    roles: str = ""


_TASK: Final[Json] = {
    "text": "Rename the function foo to bar in all files.",
    "task_type": "code_edit",
    "tools": ["edit", "bash"],
}
_ID: Final[Json] = {
    "name": "decision_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "91f0c2a87d3e4b65",
}
_WINDOW: Final[Json] = {
    "name": "window",
    "in": "query",
    "schema": {"type": "string", "enum": list(WINDOWS), "default": "1h"},
}

ROUTES: Final = (
    Described(
        "post",
        "/v1/route",
        "Choose a tier for a task",
        schema.RouteAnswer,
        _Body(
            schema.RouteRequest,
            {
                "text alone": {"task": {"text": _TASK["text"]}},
                "all that is known": {
                    "task": {**_TASK, "session_id": "s-17"},
                    "lam": 1.0,
                    "allowed": ["haiku", "sonnet"],
                },
            },
        ),
        DECISION_EXAMPLE,
        (400, 401, 403, 408, 409, 413, 422, 429, 503),
        roles="route",
    ),
    Described(
        "post",
        "/v1/route/batch",
        "Choose a tier for each of several tasks",
        schema.BatchAnswer,
        _Body(schema.BatchRequest, {"two tasks": {"tasks": [_TASK, {"text": "Prove it."}]}}),
        {"decisions": [DECISION_EXAMPLE]},
        (400, 401, 403, 408, 409, 413, 422, 429, 503),
        roles="route",
    ),
    Described(
        "post",
        "/v1/feedback",
        "Report the outcome of a decision, of many, or of a trace",
        schema.FeedbackAnswer,
        _Body(
            schema.FeedbackRequest,
            {
                "one": {"decision_id": "91f0c2a87d3e4b65", "quality": 8.5, "cost_usd": 0.0012},
                "many": {"reports": [{"decision_id": "91f0c2a87d3e4b65", "quality": 8.5}]},
                "a trace": {"trace_id": "s-17", "quality": 7.0, "credit": "equal"},
            },
        ),
        {"receipts": [{"decision_id": "91f0c2a87d3e4b65", "new": ["quality", "cost_usd"]}]},
        (400, 401, 403, 404, 408, 413, 422, 429, 503),
        roles="feedback",
    ),
    Described(
        "get",
        "/v1/decisions/{decision_id}",
        "Look a decision up",
        schema.DecisionAnswer,
        example={
            "decision_id": "91f0c2a87d3e4b65",
            "tier": "haiku",
            "bucket": "code_edit",
            "lam": 0.3,
            "propensity": 0.96,
            "timestamp": "2026-01-05T09:30:00+00:00",
            "is_open": True,
        },
        errors=(401, 403, 404, 429),
        params=(_ID,),
        roles="route, feedback or read",
    ),
    Described(
        "get",
        "/v1/policy",
        "See what decides: artifact, tiers, rules, caps, budget, and Q",
        schema.PolicyAnswer,
        errors=(401, 403, 429),
        roles="read",
    ),
    Described(
        "post",
        "/v1/artifact",
        "Decide with another artifact from now on",
        schema.SwapAnswer,
        _Body(schema.SwapRequest, {"a folder of models": {"path": "2026-01-05"}}),
        {"artifact_id": "77c0", "previous": "5b1d0e6fa2c4"},
        (400, 401, 403, 408, 413, 422, 429, 503),
        roles="admin",
    ),
    Described("get", "/healthz", "Whether the process lives", schema.HealthAnswer),
    Described(
        "get",
        "/readyz",
        "Whether it can decide, and what is missing",
        schema.HealthAnswer,
        errors=(503,),
    ),
    Described(
        "get",
        "/metrics",
        "Counts for Prometheus",
        "text/plain",
        errors=(401, 403, 429),
        roles="read",
    ),
    Described(
        "get",
        "/v1/dashboard",
        "What the dashboard shows: traffic, tiers, spending, quality, Q, the last decisions",
        Overview,
        errors=(401, 403, 422, 429),
        params=(_WINDOW,),
        roles="read",
    ),
)
"""Every route of the service's own; mounted parts describe themselves."""

_WHAT: Final = {
    400: "The body is no JSON.",
    401: "A token is needed, and none that is declared was given.",
    403: "The token's roles do not allow this.",
    404: "Nothing is known by this id.",
    408: "The body did not come in time.",
    409: "The rules leave no tier for the task.",
    413: "The body is too large.",
    422: "A value is missing, unknown or out of its range.",
    429: "Too many requests, or a cap is reached.",
    503: "It cannot be done now; try again after Retry-After seconds.",
}
_REF = "#/components/schemas/{name}"


def own_routes() -> Json:
    """Return paths and components of the service's own routes."""
    found = [Problem, *(each for route in ROUTES for each in _records(route))]
    records = list(dict.fromkeys(found))
    refs, schemas = msgspec.json.schema_components(records, ref_template=_REF)
    ref = dict(zip(records, refs, strict=True))
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = _operation(route, ref)
    return {"paths": paths, "components": {"schemas": schemas}}


def with_own_routes(page: Json) -> Json:
    """Return the framework's page with the service's own routes put first."""
    own = own_routes()
    components = page.setdefault("components", {})
    components["schemas"] = own["components"]["schemas"] | components.get("schemas", {})
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    page["paths"] = own["paths"] | page.get("paths", {})
    page["security"] = [{}, {"token": []}]
    return page


def _records(route: Described) -> list[type]:
    answer = [] if isinstance(route.answer, str) else [route.answer]
    return answer if route.body is None else [route.body.record, *answer]


def _operation(route: Described, ref: dict[Any, Json]) -> Json:
    if isinstance(route.answer, str):
        media_type, media = route.answer, {"schema": {"type": "string"}}
    else:
        media_type, media = "application/json", {"schema": ref[route.answer]}
    if route.example is not None:
        media["example"] = route.example
    good: Json = {"description": "Done.", "content": {media_type: media}}
    operation: Json = {
        "summary": route.summary,
        "operationId": f"{route.method}_{route.path.strip('/').replace('/', '_')}",
        "tags": ["service"],
        "responses": {"200": good},
    }
    if route.roles:
        operation["description"] = f"Role: {route.roles}. Open where no token is declared."
    else:
        operation["security"] = []
    if route.params:
        operation["parameters"] = list(route.params)
    if route.body is not None:
        examples = {name: {"value": value} for name, value in route.body.examples.items()}
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": ref[route.body.record], "examples": examples}
            },
        }
    for status in route.errors:
        operation["responses"][str(status)] = {
            "description": _WHAT[status],
            "content": {"application/problem+json": {"schema": ref[Problem]}},
        }
    return operation
