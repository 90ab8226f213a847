"""What a fast route answers, and how it says of what the service has to do without."""

from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec

from tracetier.serve.standing import Standing

JSON = b"application/json"

_STATUS_LINES: Final = {
    int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Answer(NamedTuple):
    """A finished answer: status, body, and headers beside type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON

    def fields(self, request_id: str) -> list[tuple[bytes, bytes]]:
        """Return all headers, for a request's id."""
        return [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", request_id.encode()),
            *self.headers,
        ]

    def raw(self, request_id: str, lines: bytes = b"") -> bytes:
        """Return all that goes over the wire; ``lines`` are whole header lines that come first."""
        fields = b"".join([b"%b: %b\r\n" % field for field in self.headers])
        return b"%b%bcontent-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n%b\r\n%b" % (
            _STATUS_LINES[self.status],
            lines,
            self.content_type,
            len(self.body),
            request_id.encode(),
            fields,
            self.body,
        )


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
