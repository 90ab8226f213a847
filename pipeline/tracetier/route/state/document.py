"""The state document: everything learned, in JSON that a person can read and a program can audit.

One line per row of numbers and per open decision. Floats are written so that they read back to the
same bits. The document stands alone: a report can be applied to it without the artifact.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from tracetier.errors import InputError, StateError
from tracetier.route.ledger import Pending
from tracetier.route.state.audit import audit_open, audit_row, audit_strategy, audit_table
from tracetier.route.strategy import StrategyState
from tracetier.route.tally import Counts

FORMAT = 1
"""Number of the format that is written. Fields may be added with a default under one number."""

_PER_LINE = 8
"""Entries of a long list that share a line."""

_Plain = dict[str, "_Plain"] | list["_Plain"] | str | float | bool | None


class StateDocument(Struct, kw_only=True):
    """A learner's whole state.

    Attributes
    ----------
    format : int
        `FORMAT`.
    artifact_id : str
        The artifact whose buckets and predictions the numbers belong to.
    tiers, buckets : list of str
        Names, in the order of the columns and rows of every table.
    cost_ref_usd : float
        USD that make a reward cost of 1.
    lam : float
        Default lambda.
    strategy : StrategyState
        What the strategy learned, with its settings; ``name`` says which it is.
    counts : Counts
    decisions : (B, K) rows of int
        Decisions per bucket and tier.
    pending : dict of str to Pending
        Decisions whose report is out, oldest first.
    applied : list of str
        Ids of decisions whose report came, oldest first.
    """

    format: int
    artifact_id: str
    tiers: list[str]
    buckets: list[str]
    cost_ref_usd: float
    lam: float
    strategy: StrategyState
    counts: Counts
    decisions: list[list[int]]
    pending: dict[str, Pending]
    applied: list[str]


class _Head(Struct):
    format: int


def encode_document(document: StateDocument) -> bytes:
    """Return the document as UTF-8 JSON, laid out in lines."""
    text = "".join(_laid_out(msgspec.to_builtins(document), "\n"))
    return text.encode() + b"\n"


def decode_document(data: bytes, *, where: str) -> StateDocument:
    """Return an audited document.

    Parameters
    ----------
    data : bytes
        As from `encode_document`.
    where : str
        Names the store in messages.

    Raises
    ------
    StateError
        If the bytes are torn or foreign, of a future format, or a number cannot be right.
    """
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format == FORMAT:
            return _audited(msgspec.json.decode(data, type=StateDocument), where)
    except (msgspec.MsgspecError, InputError) as error:
        raise StateError(
            f"{where} holds no readable state ({len(data)} bytes: {error}); it was left as it is: "
            "restore it from a copy, or move it away to start anew"
        ) from error
    age = "a newer" if head.format > FORMAT else "an unknown"
    raise StateError(
        f"{where} has state format {head.format}, of {age} version of tracetier; this one reads "
        f"format {FORMAT}: upgrade tracetier, or use another state. It was left as it is"
    )


def _audited(document: StateDocument, where: str) -> StateDocument:
    n_buckets, n_tiers = len(document.buckets), len(document.tiers)
    audit_table("decisions", document.decisions, n_buckets, n_tiers, least=0)
    audit_row("cost_ref_usd, lam", [document.cost_ref_usd, document.lam], 2, least=0)
    audit_row("counts", msgspec.structs.astuple(document.counts), 4, least=0)
    audit_strategy(document.strategy, n_buckets, n_tiers)
    audit_open(document.pending, document.applied, n_buckets, n_tiers)
    return document


def _laid_out(value: _Plain, newline: str) -> Iterator[str]:
    """Yield JSON text in which whatever holds no further table stands on one line."""
    if isinstance(value, dict) and _is_deep(value.values()):
        yield from _nested(value.items(), newline, "{", "}")
    elif isinstance(value, list) and _is_deep(value):
        yield from _nested(((None, item) for item in value), newline, "[", "]")
    elif isinstance(value, list) and len(value) > _PER_LINE:
        parts = range(0, len(value), _PER_LINE)
        inner = ("," + newline + " ").join(_line(value[at : at + _PER_LINE])[1:-1] for at in parts)
        yield f"[{newline} {inner}{newline}]"
    else:
        yield _line(value)


def _is_deep(children: Iterable[_Plain]) -> bool:
    return any(isinstance(child, (dict, list)) for child in children)


def _nested(
    items: Iterable[tuple[str | None, _Plain]], newline: str, opening: str, closing: str
) -> Iterator[str]:
    separator, deeper = opening, newline + " "
    for key, child in items:
        yield separator + deeper
        if key is not None:
            yield _line(key) + ": "
        yield from _laid_out(child, deeper)
        separator = ","
    yield newline + closing


def _line(value: _Plain) -> str:
    return msgspec.json.encode(value).decode()
