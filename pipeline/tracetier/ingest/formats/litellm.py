"""LiteLLM: its proxy's spend log, and the payloads that it gives to callbacks.

One row per request, so a retry or fallback is a row of its own, and a model that answers is only as
priced as LiteLLM's own map knows it: 0 or nothing stands for a price that is missing there.
"""

from collections.abc import Iterator

from tracetier.ingest.formats._json_items import as_row, read_items, record_paths
from tracetier.ingest.formats._litellm_call import Call, is_step, span_of
from tracetier.ingest.formats._logged_input import as_list
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span
from tracetier.records import Level

_SIGNS = (
    frozenset({"request_id", "spend", "call_type"}),
    frozenset({"response_cost", "model_map_information"}),
    frozenset({"response_cost", "call_type", "startTime"}),
)


class Record(Call, frozen=True, kw_only=True):
    """A call, or a page of them."""

    data: object = None


class LiteLLM:
    """Spend logs and logging payloads of LiteLLM."""

    name = "litellm"
    level: Level = "call"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by an id beside spend and call type, or by a cost beside the price map's entry."""
        paths = record_paths(head)
        pages = {path.removeprefix("data[].") for path in paths}
        return float(any(sign <= paths or sign <= pages for sign in _SIGNS))

    def read(self, source: Source, context: Context) -> Iterator[Span | NoStep | Issue]:
        """Yield one span per request to a chat model."""
        n_held = 0
        for record in read_items(source, Record):
            if isinstance(record, Issue):
                yield record
            elif page := as_list(record.data):
                for item in page:
                    n_held += 1
                    source.line = source.line if source.head.kind == "jsonl" else n_held
                    yield _held(source, item)
            else:
                yield _item(source, record)


def _held(source: Source, item: object) -> Span | NoStep | Issue:
    try:
        return _item(source, as_row(item, Call))
    except Fault as fault:
        return source.issue(fault)


def _item(source: Source, call: Call) -> Span | NoStep | Issue:
    if call.call_type is None:
        return source.fault(
            "missing", "call_type is missing, every request has one", pointer="call_type"
        )
    if not is_step(call):
        return NoStep()
    try:
        return span_of(call)
    except Fault as fault:
        return source.issue(fault)


FORMAT = LiteLLM
