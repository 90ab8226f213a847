"""A streamed answer, recorded as raw text of server-sent events, folded into the whole answer.

Usage is in the last chunk (OpenAI, if asked for), in the final event (Responses), or split:
``message_start`` has the input, each ``message_delta`` the output *so far*, so the last one counts.
A stream that was cut off gives what it told until then.
"""

from collections.abc import Iterable, Iterator

import msgspec

from tracetier.ingest.formats._provider_record import Answer, Event
from tracetier.ingest.formats._provider_usage import merged
from tracetier.ingest.formats._typed_json import decoder, typed
from tracetier.ingest.issue import Fault

_EVENT = decoder(Event)
_DATA = "data:"
_TELLING = ('"usage"', '"message"', '"response"', '"error"')


def fold_text(text: str) -> Answer:
    """Return the answer that a recorded stream tells.

    Raises
    ------
    Fault
        If no event can be read.
    """
    events = list(_events(text))
    if not events:
        raise Fault("bad_value", "response is neither JSON nor a stream of events")
    return fold(events)


def fold(events: Iterable[Event]) -> Answer:
    """Return the answer that the events of a stream tell together.

    Examples
    --------
    >>> from tracetier.ingest.formats._provider_usage import Usage
    >>> whole = fold([Event(id="a", model="m"), Event(id="a", usage=Usage(prompt_tokens=9))])
    >>> whole.id, whole.usage.prompt_tokens
    ('a', 9)
    """
    answer = Answer()
    for event in events:
        if isinstance(event.message, Answer):
            answer = event.message
        elif event.response is not None:
            answer = event.response
        else:
            answer = _with(answer, event)
    return answer


def _with(answer: Answer, event: Event) -> Answer:
    is_chunk = event.object is not None
    return msgspec.structs.replace(
        answer,
        id=answer.id or event.id,
        object=answer.object or event.object,
        model=answer.model or event.model,
        created=answer.created if answer.created is not None else event.created,
        service_tier=event.service_tier or answer.service_tier if is_chunk else answer.service_tier,
        usage=merged(answer.usage, event.usage),
        error=event.error or answer.error,
    )


def _events(text: str) -> Iterator[Event]:
    """Yield the first event and those that tell more than a piece of text."""
    is_first = True
    for line in text.split("\n"):
        if not line.startswith(_DATA):
            continue
        data = line[len(_DATA) :].strip()
        if not data.startswith("{"):
            continue  # [DONE]
        if not is_first and not any(mark in data for mark in _TELLING):
            continue
        is_first = False
        try:
            yield typed(data.encode("utf-8", "replace"), _EVENT)
        except Fault:
            continue  # the last line of a stream that was cut off
