"""Messages and tool definitions as providers and agents write them: the first user text, the names.

The tools *called* are an outcome and are never read here.
"""

from collections.abc import Sequence

from msgspec import Struct

TEXT_PARTS = (None, "text", "input_text")


class Part(Struct, frozen=True):
    """One piece of a message's content."""

    type: str | None = None
    text: str | None = None


Content = str | list[Part | str] | Part | None


class Message(Struct, frozen=True):
    """One message, or an item of a Responses input."""

    role: str | None = None
    content: Content = None


class FunctionDef(Struct, frozen=True):
    """The function of a tool definition."""

    name: str | None = None


class ToolDef(Struct, frozen=True):
    """One tool that was offered."""

    name: str | None = None
    type: str | None = None
    function: FunctionDef | None = None


def text_of(content: Content) -> str:
    r"""Return the text of a message, its pieces joined by line breaks.

    Examples
    --------
    >>> text_of([Part("text", "a"), Part("image", None), "b"])
    'a\nb'
    """
    if isinstance(content, str):
        return content
    if isinstance(content, Part):
        content = [content]
    pieces = [piece if isinstance(piece, str) else _text(piece) for piece in content or ()]
    return "\n".join(piece for piece in pieces if piece)


def first_user_text(messages: Sequence[Message | str] | None) -> str:
    """Return the first text that a user wrote, empty where there is none."""
    for message in messages or ():
        if isinstance(message, str):
            return message
        if message.role == "user" and (found := text_of(message.content)).strip():
            return found
    return ""


def tool_names(tools: Sequence[ToolDef | str] | None) -> list[str] | None:
    """Return the names of the tools offered, ``None`` where the log does not tell them."""
    if tools is None:
        return None
    names = [tool if isinstance(tool, str) else _name(tool) for tool in tools]
    return [name for name in names if name]


def _text(part: Part) -> str:
    return part.text or "" if part.type in TEXT_PARTS else ""


def _name(tool: ToolDef) -> str:
    named = tool.function.name if tool.function is not None else None
    return tool.name or named or tool.type or ""
