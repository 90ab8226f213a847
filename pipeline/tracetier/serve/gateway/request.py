"""A request's body: what it asks for, and the same body with another model.

All but the model is passed on as it came: the values of the other fields are never decoded for
that, only copied.
"""

import json
from typing import Final

import msgspec
from msgspec import Raw, Struct

from tracetier.serve.gateway.config import Api

_FIELDS: Final = msgspec.json.Decoder(dict[str, Raw])
_TRUE: Final = b"true"


class RequestError(Exception):
    """A request that cannot be passed on: a status, what is wrong, and the field."""

    def __init__(
        self, status: int, detail: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.param = param
        self.code = code


class Body(Struct, frozen=True):
    """A request's body, field by field, as it came.

    Attributes
    ----------
    raw : bytes
    fields : dict of str to Raw
    model : str
        The one that the client names.
    """

    raw: bytes
    fields: dict[str, Raw]
    model: str

    @property
    def is_stream(self) -> bool:
        """Whether the client wants the answer as a stream."""
        return bytes(self.fields.get("stream", b"")) == _TRUE

    def sent_as(self, model: str, *, api: Api, ask_usage: bool = False) -> bytes:
        """Return the body to send to an upstream.

        Parameters
        ----------
        model : str
            Takes the place of the client's.
        ask_usage : bool
            Whether to ask a stream of OpenAI's protocol for its usage, if the client did not.

        Examples
        --------
        >>> body = read_body(b'{"model": "tracetier", "seed":  1e0, "messages": [ ]}')
        >>> body.sent_as("small-1", api="openai")
        b'{"model":"small-1","seed":1e0,"messages":[ ]}'
        """
        own = {"model": Raw(msgspec.json.encode(model))}
        if ask_usage and api == "openai" and self.is_stream and not self._asks_usage:
            own["stream_options"] = Raw(b'{"include_usage":true}')
        return msgspec.json.encode(self.fields | own)

    @property
    def _asks_usage(self) -> bool:
        """Whether the client has said anything of its own on what a stream is to tell."""
        return bytes(self.fields.get("stream_options", b"null")) != b"null"


def read_body(raw: bytes) -> Body:
    """Return the fields of a request.

    Raises
    ------
    RequestError
        If it is no JSON object, or names no model.
    """
    fields = _fields(raw)
    try:
        model = msgspec.json.decode(fields.get("model", b"null"), type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        model = ""
    if not model.strip() or len(model) > 256:
        raise RequestError(
            400, 'model must be a name of 1 to 256 characters, such as "tracetier"', param="model"
        )
    return Body(raw, fields, model)


def _fields(raw: bytes) -> dict[str, Raw]:
    try:
        return _FIELDS.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    try:  # halves of surrogate pairs, left where a text was cut: read slowly, and sent as they were
        found = json.loads(raw)
        return {name: Raw(json.dumps(value).encode()) for name, value in dict(found).items()}
    except (ValueError, TypeError, RecursionError):
        raise RequestError(400, "the body is no JSON object; send one, in UTF-8") from None
