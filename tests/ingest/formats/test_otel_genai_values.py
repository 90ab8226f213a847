"""OpenTelemetry's GenAI spans: counts, kinds, failures, texts and tools, however they are named."""

import json
from typing import Any

import pytest
from tests.ingest.formats.otel_spans import MODEL, span_of, user_message


@pytest.mark.parametrize(
    ("attrs", "counts"),
    [
        pytest.param({"gen_ai.usage.input_tokens": 7}, (7, None), id="now"),
        pytest.param(
            {"gen_ai.usage.prompt_tokens": "7", "gen_ai.usage.completion_tokens": 2},
            (7, 2),
            id="until 1.27",
        ),
        pytest.param(
            {
                "gen_ai.usage.prompt_tokens": 7,
                "gen_ai.usage.input_tokens": 7,
                "gen_ai.usage.completion_tokens": 2,
                "gen_ai.usage.output_tokens": 2,
                "llm.usage.total_tokens": 9,
            },
            (7, 2),
            id="both are not added",
        ),
        pytest.param({"gen_ai.usage.input_tokens": 0}, (0, None), id="zero is a count"),
        pytest.param({"gen_ai.aggregated_usage.input_tokens": 70}, (None, None), id="totals"),
        pytest.param({}, (None, None), id="unknown"),
    ],
)
def test_spellings_of_a_count_are_alternatives(
    attrs: dict[str, Any], counts: tuple[int | None, int | None]
) -> None:
    """The first present wins; nothing is added up."""
    span = span_of({"gen_ai.operation.name": "chat", **attrs})

    assert (span.input_tokens, span.output_tokens) == counts


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        pytest.param(
            {"input_tokens": 100, "cache_read.input_tokens": 60}, (100, 60, None), id="inside"
        ),
        pytest.param(
            {"input_tokens": 5, "cache_read_input_tokens": 60, "cache_write_input_tokens": 30},
            (95, 60, 30),
            id="larger than the input, so beside it",
        ),
        pytest.param(
            {
                "input_tokens": 100,
                "output_tokens": 10,
                "cache_read_input_tokens": 60,
                "total_tokens": 170,
            },
            (160, 60, None),
            id="beside it by the total",
        ),
        pytest.param(
            {
                "input_tokens": 100,
                "output_tokens": 10,
                "cache_creation.input_tokens": 60,
                "total_tokens": 110,
            },
            (100, None, 60),
            id="inside by the total",
        ),
    ],
)
def test_input_holds_the_cache_whatever_the_convention(
    attrs: dict[str, int], expected: tuple[int, int | None, int | None]
) -> None:
    """By the counts themselves, as no attribute says which convention it follows."""
    span = span_of({f"gen_ai.usage.{name}": value for name, value in attrs.items()} | MODEL)

    assert (span.input_tokens, span.cache_read_tokens, span.cache_write_tokens) == expected


@pytest.mark.parametrize(
    ("attrs", "cost_usd"),
    [
        ({"gen_ai.usage.cost": 0.25}, 0.25),
        ({"operation.cost": "0.25"}, 0.25),
        ({"gen_ai.usage.cost": 0.0, "gen_ai.usage.input_tokens": 5}, None),
        ({"gen_ai.usage.cost": 0.0}, 0.0),
        ({}, None),
    ],
)
def test_a_cost_of_zero_for_tokens_is_unknown(
    attrs: dict[str, Any], cost_usd: float | None
) -> None:
    """Loggers write it for a price that they do not know."""
    assert span_of(MODEL | attrs).cost_usd == cost_usd


@pytest.mark.parametrize(
    ("attrs", "name", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, "chat m", "call"),
        ({"gen_ai.operation.name": "Generate_Content"}, "", "call"),
        ({"gen_ai.operation.name": "text_completion"}, "", "call"),
        ({"gen_ai.operation.name": "llm_request", **MODEL}, "", "call"),
        ({"gen_ai.operation.name": "execute_tool"}, "", "tool"),
        ({"gen_ai.operation.name": "invoke_agent", **MODEL}, "", "agent"),
        ({"gen_ai.operation.name": "embeddings", **MODEL}, "", "group"),
        ({"gen_ai.operation.name": "create_agent", **MODEL}, "", "group"),
        ({"gen_ai.operation.name": "task", **MODEL}, "", "group"),
        ({"traceloop.span.kind": "agent"}, "", "agent"),
        ({"traceloop.span.kind": "workflow", **MODEL}, "", "group"),
        ({"llm.request.type": "chat", **MODEL}, "openai.chat", "call"),
        ({"llm.request.type": "embedding", **MODEL}, "", "group"),
        (MODEL, "call_llm", "call"),
        ({"gen_ai.usage.input_tokens": 5}, "sum", "group"),
        ({"gen_ai.tool.name": "bash"}, "running tool", "tool"),
        (
            {"agent_name": "a", "model_name": "m", "gen_ai.usage.input_tokens": 9},
            "agent run",
            "agent",
        ),
        ({"gen_ai.agent.name": "a", **MODEL}, "Agent", "agent"),
        ({"gen_ai.agent.name": "a"}, "POST", "group"),
        ({"http.method": "POST", "gen_ai.conversation.id": "c"}, "POST", "group"),
    ],
)
def test_what_kind_of_step_a_span_is(attrs: dict[str, Any], name: str, kind: str) -> None:
    """Its own word first; a run that repeats the tokens of its calls is never a call."""
    assert span_of(attrs, name=name).kind == kind


@pytest.mark.parametrize(
    ("fields", "attrs", "expected"),
    [
        pytest.param({"status": {"code": 0}}, {}, ("ok", None, False), id="unset is no error"),
        pytest.param({"status": {"code": 1}}, {}, ("ok", None, False), id="ok"),
        pytest.param(
            {"status": {"code": 2, "message": "boom"}}, {}, ("error", None, False), id="error"
        ),
        pytest.param(
            {"status": {"code": "STATUS_CODE_ERROR"}},
            {"error.type": "BadRequestError"},
            ("error", "BadRequestError", False),
            id="error of the request",
        ),
        pytest.param(
            {"status": {"code": 2}},
            {"error.type": "openai.RateLimitError"},
            ("error", "openai.RateLimitError", True),
            id="rate limit",
        ),
        pytest.param({}, {"error.type": "529"}, ("error", "529", True), id="overloaded"),
        pytest.param(
            {"status": {"code": 2}},
            {"http.response.status_code": 503},
            ("error", None, True),
            id="by the answer's status",
        ),
        pytest.param(
            {"status": {"code": 2}},
            {"error.type": "asyncio.CancelledError"},
            ("cancelled", "asyncio.CancelledError", True),
            id="cancelled",
        ),
        pytest.param({"endTimeUnixNano": "0"}, {}, (None, None, False), id="never ended"),
    ],
)
def test_failures_of_the_infrastructure_are_told_apart(
    fields: dict[str, Any], attrs: dict[str, Any], expected: tuple[str | None, str | None, bool]
) -> None:
    """They say nothing of the tier."""
    span = span_of(MODEL | attrs, **fields)

    assert (span.outcome, span.error_type, span.is_infrastructure_error) == expected


def test_the_type_of_an_error_is_that_of_its_exception() -> None:
    """But an exception that was caught on the way is no error."""
    event = {
        "name": "exception",
        "attributes": [{"key": "exception.type", "value": {"stringValue": "KeyError"}}],
    }
    failed = span_of(MODEL, events=[event], status={"code": 2})
    went_on = span_of(MODEL, events=[event], status={"code": 1})

    assert (failed.outcome, failed.error_type) == ("error", "KeyError")
    assert (went_on.outcome, went_on.error_type) == ("ok", None)


@pytest.mark.parametrize(
    ("attrs", "text"),
    [
        pytest.param({"gen_ai.input.messages": user_message("Hi")}, "Hi", id="content"),
        pytest.param(
            {
                "gen_ai.input.messages": user_message(
                    [{"text": "Hi"}, {"image": "x"}, {"text": "you"}]
                )
            },
            "Hi\nyou",
            id="blocks",
        ),
        pytest.param(
            {
                f"gen_ai.prompt.{i}.{name}": value
                for i in (10, 9, 0)
                for name, value in {"role": "user" if i else "system", "content": str(i)}.items()
            },
            "9",
            id="numbered, 10 after 9",
        ),
        pytest.param(
            {
                "gen_ai.input.messages": json.dumps(
                    [
                        {"role": "user", "parts": [{"type": "tool_call_response", "content": "x"}]},
                        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
                    ]
                )
            },
            "Hi",
            id="the result of a tool is none of the user's",
        ),
        pytest.param(
            {"ai.prompt.messages": user_message([{"type": "text", "text": "Hi"}])}, "Hi", id="ai"
        ),
        pytest.param(
            {
                "gcp.vertex.agent.llm_request": json.dumps(
                    {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
                )
            },
            "Hi",
            id="Google's Agent Development Kit",
        ),
        pytest.param(
            {"traceloop.entity.input": '{"inputs": {"question": "Hi"}}'}, "Hi", id="input"
        ),
        pytest.param({"gen_ai.input.messages": '[{"role": "us'}, "", id="cut by a limit of length"),
        pytest.param({"gen_ai.output.messages": user_message("Hi")}, "", id="what came after"),
    ],
)
def test_the_first_user_text_is_found_in_every_form(attrs: dict[str, Any], text: str) -> None:
    """Never the system's, never a tool's, never an answer."""
    assert span_of(MODEL | attrs).text == text


def test_a_run_is_known_by_what_it_was_asked_last() -> None:
    """Its input holds the conversation so far; a record of the whole run ends in the answer."""
    turns = [
        {"role": "user", "content": "First."},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "Second."},
    ]
    run = {"gen_ai.operation.name": "invoke_agent"}
    whole = [{"role": "user", "content": "Second."}, {"role": "assistant", "content": "Done."}]

    assert span_of(run | {"gen_ai.input.messages": json.dumps(turns)}).text == "Second."
    assert span_of(run | {"pydantic_ai.all_messages": json.dumps(whole)}).text == "Second."


def test_messages_in_events_of_the_span_are_its_text() -> None:
    """As Strands writes them now, and wrote them before."""
    pair = {"key": "gen_ai.input.messages", "value": {"stringValue": user_message("Hi")}}
    now = {"name": "gen_ai.client.inference.operation.details", "attributes": [pair]}
    content = {"key": "content", "value": {"stringValue": '[{"text": "Hi"}]'}}
    before = {"name": "gen_ai.user.message", "attributes": [content]}

    assert span_of(MODEL, events=[now]).text == "Hi"
    assert span_of(MODEL, events=[before]).text == "Hi"


@pytest.mark.parametrize(
    ("attrs", "tools"),
    [
        ({"gen_ai.tool.definitions": '[{"name": "a"}, {"function": {"name": "b"}}]'}, ["a", "b"]),
        ({"gen_ai.tool.definitions": ["a"]}, ["a"]),
        ({"gen_ai.agent.tools": '["a", "b"]'}, ["a", "b"]),
        (
            {f"llm.request.functions.{i}.name": name for i, name in ((10, "k"), (2, "c"))},
            ["c", "k"],
        ),
        ({"model_request_parameters": '{"function_tools": []}'}, []),
        (
            {
                "gcp.vertex.agent.llm_request": json.dumps(
                    {"config": {"tools": [{"function_declarations": [{"name": "a"}]}]}}
                )
            },
            ["a"],
        ),
        ({"gen_ai.tool.definitions": '[{"description": "?"}]'}, None),
        ({"gen_ai.completion.0.tool_calls.0.name": "called"}, None),
    ],
)
def test_tools_are_those_that_were_offered(attrs: dict[str, Any], tools: list[str] | None) -> None:
    """Tools that were called are an outcome."""
    assert span_of(MODEL | attrs).tools == tools


def test_a_tool_tells_its_name_its_files_and_how_it_ended() -> None:
    """For what is known of the session later."""
    span = span_of(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "edit",
            "gen_ai.tool.call.arguments": '{"file_path": "a.py", "x": {"path": "b.py"}}',
            "gen_ai.tool.status": "error",
        }
    )

    assert (span.kind, span.name, span.outcome) == ("tool", "edit", "error")
    assert span.files == ("a.py", "b.py")
