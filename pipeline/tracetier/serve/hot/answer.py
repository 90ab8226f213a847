"""What a fast route answers, and how it says of what the service has to do without."""

from typing import NamedTuple

import msgspec

from tracetier.serve.standing import Standing

JSON = b"application/json"


class Answer(NamedTuple):
    """A finished answer: status, body, and headers beside type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON


def json_answer(body: bytes, standing: Standing) -> Answer:
    """Return a good answer; where the service is degraded, the object and a header say so.

    Parameters
    ----------
    body : bytes
        A JSON object with at least one field.
    standing : Standing
    """
    words = standing.words
    if not words:
        return Answer(200, body)
    body = b"".join((body[:-1], b',"degraded":', msgspec.json.encode(words), b"}"))
    return Answer(200, body, ((b"x-tracetier-degraded", ", ".join(standing.codes).encode()),))
