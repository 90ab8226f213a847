"""The real LiteLLM router, over deployments that answer by themselves."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.decision_log.conftest import make_decision

from tracetier.errors import ServiceError, SettingsError
from tracetier.records import Decision, Task

pytest.importorskip("litellm", reason="litellm is not installed")
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no price list from the network

import litellm

from tracetier.integrations.litellm_strategy import (
    DECISION_KEY,
    TIER_KEY,
    TracetierStrategy,
    task_of,
    use_tracetier,
)

MODELS = {"low": "openai/gpt-4o-mini", "high": "openai/gpt-4o"}
GROUPS = {"low": "small", "high": "big"}
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Prove it."}]
Complete = Callable[..., tuple[str, dict[str, Any]]]

# LiteLLM and what it loads warn of their own ways, in threads and loops of their own.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


class Decider:
    """Decides what it is told, and keeps what it hears."""

    def __init__(self, tier: str | None = "low") -> None:
        self.tier = tier
        self.tasks: list[Task] = []
        self.costs: dict[str, float | None] = {}

    def route(self, task: Task, *, allowed: Any = None) -> Decision:
        if self.tier is None:
            raise ServiceError("not there")
        self.tasks.append(task)
        assert allowed == ["low", "high"]
        return make_decision(f"d{len(self.tasks)}", tier=self.tier)

    def feedback(self, decision_id: str, *, cost_usd: float | None = None) -> None:
        self.costs[decision_id] = cost_usd


def make_router(**broken: Any) -> Any:
    """Return a LiteLLM router over two tiers and one model of its own."""
    models = [
        {
            "model_name": GROUPS[tier],
            "litellm_params": {
                "model": model,
                "api_key": "none",
                "mock_response": broken.get(tier, f"from {tier}"),
            },
        }
        for tier, model in MODELS.items()
    ]
    own = {"model": "openai/gpt-4o", "api_key": "none", "mock_response": "from other"}
    return litellm.Router(
        model_list=[*models, {"model_name": "other", "litellm_params": own}], num_retries=0
    )


@pytest.fixture(autouse=True)
def _no_callbacks() -> Iterator[None]:
    """LiteLLM keeps its callbacks for the whole process."""
    yield
    litellm.logging_callback_manager._reset_all_callbacks()


@pytest.fixture(params=["sync", "async"])
def complete(request: pytest.FixtureRequest) -> Complete:
    """Complete by either interface, and return the text and the call's metadata."""

    def call(router: Any, model: str = "tracetier", **given: Any) -> tuple[str, dict[str, Any]]:
        told = given.pop("metadata", {})
        asked = {"model": model, "messages": MESSAGES, "metadata": told, **given}
        if request.param == "sync":
            answer = router.completion(**asked)
        else:
            answer = asyncio.run(router.acompletion(**asked))
        return answer.choices[0].message.content, told

    return call


@pytest.mark.parametrize("tier", ["low", "high"])
def test_the_group_of_the_decided_tier_answers(tier: str, complete: Complete) -> None:
    """The caller finds the decision in the metadata that it gave."""
    decider = Decider(tier)
    router = make_router()
    use_tracetier(router, decider, groups=GROUPS, reports_cost=False)
    tools = [{"type": "function", "function": {"name": "edit", "parameters": {}}}]
    text, told = complete(router, tools=tools)

    assert text == f"from {tier}"
    assert (told[DECISION_KEY], told[TIER_KEY]) == ("d1", tier)
    assert decider.tasks == [Task(text="Prove it.", tools=["edit"], n_tools=1, level="call")]


def test_other_models_are_left_to_litellm(complete: Complete) -> None:
    """Without a decision."""
    decider = Decider()
    router = make_router()
    use_tracetier(router, decider, groups=GROUPS, reports_cost=False)
    text, told = complete(router, "other")

    assert (text, decider.tasks) == ("from other", [])
    assert DECISION_KEY not in told


def test_a_call_is_answered_though_nobody_decides(complete: Complete) -> None:
    """By the dearest tier."""
    router = make_router()
    use_tracetier(router, Decider(None), groups=GROUPS, reports_cost=False)
    text, told = complete(router)

    assert (text, told[TIER_KEY]) == ("from high", "high")
    assert DECISION_KEY not in told


def test_a_call_that_is_tried_again_keeps_its_decision() -> None:
    """And one that merely gives the same metadata again has a decision of its own."""
    decider = Decider("low")
    strategy = TracetierStrategy(make_router(), decider, groups=GROUPS)
    told: dict[str, Any] = {}
    picked = []
    for decided, n_tried in (("low", 0), ("high", 1), ("high", 0)):
        decider.tier = decided
        told["attempted_retries"] = n_tried
        given = {"metadata": told}
        found = strategy.get_available_deployment("tracetier", MESSAGES, request_kwargs=given)
        picked.append((found["model_name"], told[DECISION_KEY]))

    assert picked == [("small", "d1"), ("small", "d1"), ("big", "d2")]


def test_a_group_without_a_deployment_is_passed_over() -> None:
    """For the next dearer one, then for cheaper ones."""
    router = make_router()
    strategy = TracetierStrategy(router, Decider("low"), groups=GROUPS)
    for each in router.get_model_list("small"):
        router.delete_deployment(each["model_info"]["id"])
    given: dict[str, Any] = {}
    found = strategy.get_available_deployment("tracetier", MESSAGES, request_kwargs=given)

    assert found["model_name"] == "big"
    assert given["metadata"][TIER_KEY] == "high"


def test_the_cost_of_an_answer_is_reported(complete: Complete) -> None:
    """As LiteLLM prices it, once it comes round to it."""
    decider = Decider()
    router = make_router()
    use_tracetier(router, decider, groups=GROUPS)

    async def job() -> None:
        await router.acompletion(model="tracetier", messages=MESSAGES)
        for _ in range(500):
            if decider.costs:
                return
            await asyncio.sleep(0.01)

    asyncio.run(job())

    assert list(decider.costs) == ["d1"]
    cost_usd = decider.costs["d1"]
    assert cost_usd is not None
    assert cost_usd > 0


def test_what_the_caller_knows_stands_in_the_metadata() -> None:
    """Fields of a task; a wrong one is told."""
    known = {"metadata": {"tracetier_task": {"task_type": "maths", "session_id": "s"}}}
    task = task_of(MESSAGES, None, known)

    assert task == Task(text="Prove it.", task_type="maths", session_id="s", level="call")
    with pytest.raises(SettingsError, match="give fields of a Task"):
        task_of(MESSAGES, None, {"metadata": {"tracetier_task": {"kind": "maths"}}})


def test_the_input_of_other_calls_is_a_text_too() -> None:
    """As of the Responses interface."""
    assert task_of(None, "Prove it.", {}).text == "Prove it."
    assert task_of(None, None, {}).text == ""


def test_a_group_that_is_not_the_routers_is_told() -> None:
    """With those that are."""
    with pytest.raises(SettingsError, match=r"'large' is none .*\(big, other, small\)"):
        TracetierStrategy(make_router(), Decider(), groups={"low": "large"})
