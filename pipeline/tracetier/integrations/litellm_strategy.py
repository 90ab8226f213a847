"""A routing strategy for LiteLLM: its router asks ours which model group to call.

    litellm.Router.completion(model="tracetier") -> task -> our router -> tier
      -> the model group of that tier -> LiteLLM picks among its deployments, as ever

Each tier is a model group, so cooldowns, rate limits and balancing within it stay LiteLLM's; other
model names go past this strategy. A tier whose group has nothing to offer is passed over for the
next dearer one. If our router fails, the dearest tier answers: no call fails for want of a
decision.

>>> import litellm, tracetier as tt                                              # doctest: +SKIP
>>> router = litellm.Router(model_list=[...])     # model_name: haiku, sonnet, opus
>>> strategy = use_tracetier(
...     router, tt.Client("http://127.0.0.1:8080"),
...     groups={"haiku": "haiku", "sonnet": "sonnet", "opus": "opus"})
>>> metadata = {}
>>> router.completion("tracetier", messages=[...], metadata=metadata)
>>> strategy.decider.feedback(metadata["tracetier_decision_id"], quality=8.5)
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol

import litellm
import msgspec
from litellm.integrations.custom_logger import CustomLogger
from litellm.router import CustomRoutingStrategyBase

from tracetier.errors import SettingsError, TracetierError
from tracetier.ingest.formats._chat_messages import first_user_text, tool_names
from tracetier.ingest.formats._provider_record import Request
from tracetier.records import Decision, Task

DECISION_KEY: Final = "tracetier_decision_id"
"""Key of a call's metadata under which the decision's id stands afterwards."""

TIER_KEY: Final = "tracetier_tier"
"""Key of the tier that was called."""

_TASK_KEY: Final = "tracetier_task"
_TRIED_KEY: Final = "attempted_retries"  # LiteLLM's own; 0 where a caller gives its metadata again
_log = logging.getLogger("tracetier")

# Any: LiteLLM's own types of a deployment and of what a caller gives are dictionaries.
Deployment = dict[str, Any]
Given = dict[str, Any]


class Decider(Protocol):
    """Who decides and learns: a `Router` in this process, or the `Client` of a service."""

    def route(self, task: Task, *, allowed: Sequence[str] | None = None) -> Decision:
        """Choose a tier."""
        ...

    def feedback(self, decision_id: str, *, cost_usd: float | None = None) -> object:
        """Learn what it cost."""
        ...


def use_tracetier(
    router: litellm.Router,
    decider: Decider,
    *,
    groups: Mapping[str, str],
    model: str = "tracetier",
    reports_cost: bool = True,
) -> "TracetierStrategy":
    """Let a LiteLLM router ask ours for calls of one model name.

    Parameters
    ----------
    router : litellm.Router
    decider : Router or Client
    groups : mapping of str to str
        Tier → model group (``model_name``) of the LiteLLM router, cheap to dear.
    model : str
        Name to call for a decision.
    reports_cost : bool
        Whether the cost that LiteLLM computes of each answer is reported.

    Raises
    ------
    SettingsError
        If a group is not one of the router's.
    """
    strategy = TracetierStrategy(router, decider, groups=groups, model=model)
    router.set_custom_routing_strategy(strategy)
    if reports_cost:
        litellm.logging_callback_manager.add_litellm_callback(CostReporter(decider))
    return strategy


class TracetierStrategy(CustomRoutingStrategyBase):  # type: ignore[misc]  # litellm ships no types
    """Chooses the model group; see `use_tracetier`.

    Attributes
    ----------
    decider : Decider
    """

    def __init__(
        self,
        router: litellm.Router,
        decider: Decider,
        *,
        groups: Mapping[str, str],
        model: str = "tracetier",
    ) -> None:
        known = set(router.get_model_names())
        missing = [group for group in groups.values() if group not in known]
        if missing or not groups:
            raise SettingsError(
                f"model group {missing[0] if missing else ''!r} is none of the LiteLLM router's "
                f"({', '.join(sorted(known))}); give groups={{tier: model_name}}, cheap to dear"
            )
        self.decider = decider
        self._router, self._groups, self._model = router, dict(groups), model

    def get_available_deployment(
        self,
        model: str,
        messages: list[dict[str, str]] | None = None,
        input: str | list[Any] | None = None,
        specific_deployment: bool | None = False,
        request_kwargs: Given | None = None,
    ) -> Deployment:
        """Return the deployment to call."""
        given = {} if request_kwargs is None else request_kwargs
        rest = _rest(messages, input, specific_deployment, given)
        pick = type(self._router).get_available_deployment
        if model != self._model:
            return dict(pick(self._router, model=model, **rest))
        order = self._decided(task_of(messages, input, given), given)
        for tier in order[:-1]:
            with suppress(Exception):  # whatever LiteLLM raises where a group is empty
                found = pick(self._router, model=self._groups[tier], **rest)
                return _chosen(tier, found, given)
        found = pick(self._router, model=self._groups[order[-1]], **rest)
        return _chosen(order[-1], found, given)

    async def async_get_available_deployment(
        self,
        model: str,
        messages: list[dict[str, str]] | None = None,
        input: str | list[Any] | None = None,
        specific_deployment: bool | None = False,
        request_kwargs: Given | None = None,
    ) -> Deployment:
        """Return the deployment to call; the decision is made beside the event loop."""
        given = {} if request_kwargs is None else request_kwargs
        rest = _rest(messages, input, specific_deployment, given)
        pick = type(self._router).async_get_available_deployment
        if model != self._model:
            return dict(await pick(self._router, model=model, **rest))
        order = await asyncio.to_thread(self._decided, task_of(messages, input, given), given)
        for tier in order[:-1]:
            with suppress(Exception):  # whatever LiteLLM raises where a group is empty
                found = await pick(self._router, model=self._groups[tier], **rest)
                return _chosen(tier, found, given)
        found = await pick(self._router, model=self._groups[order[-1]], **rest)
        return _chosen(order[-1], found, given)

    def _decided(self, task: Task, given: Given) -> list[str]:
        """Return the tiers to try in turn; a call that is tried again keeps its decision."""
        names, metadata = list(self._groups), _metadata(given)
        if metadata.get(_TRIED_KEY) and metadata.get(TIER_KEY) in names:
            tier = str(metadata[TIER_KEY])
        else:
            try:
                decision = self.decider.route(task, allowed=names)
            except TracetierError as error:
                _log.warning("no decision, so the dearest tier answers: %s", error)
                tier = names[-1]
            else:
                metadata[DECISION_KEY], tier = decision.decision_id, decision.tier
        at = names.index(tier)
        return names[at:] + names[:at][::-1]


class CostReporter(CustomLogger):  # type: ignore[misc]  # litellm ships no types
    """Reports what each answer cost, as LiteLLM computes it."""

    def __init__(self, decider: Decider) -> None:
        super().__init__()
        self._decider = decider

    def log_success_event(
        self, kwargs: Given, response_obj: object, start_time: datetime, end_time: datetime
    ) -> None:
        """Report the cost of an answer."""
        metadata = (kwargs.get("litellm_params") or {}).get("metadata") or {}
        decision_id, cost_usd = metadata.get(DECISION_KEY), kwargs.get("response_cost")
        if decision_id is None or cost_usd is None:
            return
        try:
            self._decider.feedback(decision_id, cost_usd=float(cost_usd))
        except TracetierError as error:
            _log.warning("the cost of decision %s was not reported: %s", decision_id, error)

    async def async_log_success_event(
        self, kwargs: Given, response_obj: object, start_time: datetime, end_time: datetime
    ) -> None:
        """Report the cost of an answer, beside the event loop."""
        await asyncio.to_thread(self.log_success_event, kwargs, response_obj, start_time, end_time)


def task_of(
    messages: list[dict[str, str]] | None, input: str | list[Any] | None, given: Given
) -> Task:
    """Return the task of a call, read as the log of such a call is read.

    What only the caller knows stands in the call's metadata under ``tracetier_task``: fields of a
    `Task`, as ``{"task_type": "code_edit", "session_id": "s1"}``.
    """
    whole = {"messages": messages, "input": input, "tools": given.get("tools")}
    try:
        request = msgspec.convert(whole, Request, strict=False, from_attributes=True)
    except msgspec.ValidationError:
        request = Request()
    asked = request.input if isinstance(request.input, str) else None
    tools = tool_names(request.tools)
    said: Given = {
        "text": asked or first_user_text(request.messages or request.input),
        "tools": tools,
        "n_tools": None if tools is None else len(tools),
        "level": "call",
        **(_metadata(given).get(_TASK_KEY) or {}),
    }
    try:
        return msgspec.convert(said, Task)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"metadata[{_TASK_KEY!r}]: {error}; give fields of a Task, as task_type or session_id"
        ) from error


def _rest(
    messages: list[dict[str, str]] | None,
    text: str | list[Any] | None,
    specific_deployment: bool | None,
    given: Given,
) -> Given:
    """Return what LiteLLM's own pick takes beside the group."""
    return {
        "messages": messages,
        "input": text,
        "specific_deployment": specific_deployment,
        "request_kwargs": given,
    }


def _chosen(tier: str, deployment: Deployment, given: Given) -> Deployment:
    """Return a tier's deployment, and note the tier in the metadata of the call."""
    _metadata(given)[TIER_KEY] = tier
    return dict(deployment)


def _metadata(given: Given) -> Given:
    """Return the metadata of a call, which LiteLLM hands on to its loggers."""
    found = given.get("metadata")
    if not isinstance(found, dict):
        found = given["metadata"] = {}
    return found
