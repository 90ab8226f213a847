"""The state document: everything learned, in JSON that a person can read and a program can audit.

One line per row of numbers and per open decision. Floats are written so that they read back to the
same bits. The document stands alone: a report can be applied to it without the artifact.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct, field

from tracetier.errors import InputError, StateError
from tracetier.route.columns import Column, audit_columns
from tracetier.route.control.state import ControlState
from tracetier.route.drift import DriftState
from tracetier.route.ledger import Pending
from tracetier.route.move import Move
from tracetier.route.policy.caps import Cap, Debt
from tracetier.route.savings import SavingsBook
from tracetier.route.sessions import Session
from tracetier.route.state.audit import (
    audit_drift,
    audit_open,
    audit_place,
    audit_row,
    audit_strategy,
    audit_table,
)
from tracetier.route.state.mark import Mark
from tracetier.route.strategy import StrategyState
from tracetier.route.tally import Counts

FORMAT = 2
"""Number of the format that is written. Fields may be added with a default under one number.

1: no log of events; a decision was settled by its first report. It is read as what it is, a state
at the start of a log.
"""

_READ = (1, 2)
PENDING_TTL_S = 30 * 86_400.0
"""How long a decision is waited for unless told otherwise: 30 days."""

MAX_PENDING = 100_000
"""Decisions kept open unless told otherwise; the oldest expires first."""

MAX_APPLIED = 10_000
"""Ids remembered after their report, to tell a second report from an unknown decision."""

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
    partial : dict of str to Pending
        Decisions whose quality came and whose cost did not, oldest first.
    epoch, position : str, int
        The place in the log at which the document stands, see `Mark`.
    now_s : float
        Time of the last event whose clock was believed, in seconds since 1970.
    ahead_s : float
        Where the events since then come of a clock that is more than a day ahead of that, the
        earliest of their times; else 0.
    pending_ttl_s : float
        Seconds after which, by the times of the events, a decision is given up.
    max_pending : int
        Decisions kept open, at most.
    layout : int
        Changes of the tiers or the model so far.
    moves : list of Move
        The newest of them, oldest first.
    columns : list of Column, optional
        The tiers as columns over the artifact's; ``None`` where they are its own.
    artifact_path : str, optional
        Where the artifact was loaded from, if it was swapped in at run time.
    caps : list of Cap
        Hard caps.
    debts : dict of str to dict of str to Debt
        What is drawn on them, by the cap in words and by session or tenant.
    savings : SavingsBook
        What was spent, and what the dearest tier would have cost.
    control : ControlState, optional
        The account of a goal, as the process that wrote the document had it.
    sessions : dict of str to Session
        What that process remembered of the newest sessions, oldest first; empty where nothing is
        asked of them.
    drift : DriftState, optional
        The newest outcomes of each tier beside what was usual, and the alarms raised.
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
    partial: dict[str, Pending] = {}
    epoch: str = ""
    position: int = 0
    now_s: float = 0.0
    ahead_s: float = 0.0
    pending_ttl_s: float = PENDING_TTL_S
    max_pending: int = MAX_PENDING
    layout: int = 0
    moves: list[Move] = []
    columns: list[Column] | None = None
    artifact_path: str | None = None
    caps: list[Cap] = []
    debts: dict[str, dict[str, Debt]] = {}
    savings: SavingsBook = field(default_factory=SavingsBook)
    control: ControlState | None = None
    sessions: dict[str, Session] = {}
    drift: DriftState | None = None


class _Head(Struct):
    format: int
    epoch: str = ""
    position: int = 0


def encode_document(document: StateDocument) -> bytes:
    """Return the document as UTF-8 JSON, laid out in lines."""
    return lay_out(pack_document(document))


def pack_document(document: StateDocument) -> bytes:
    """Return the document as UTF-8 JSON in one line, as fast as may be."""
    return msgspec.json.encode(document)


def lay_out(packed: bytes) -> bytes:
    """Return the same JSON laid out in lines."""
    return "".join(_laid_out(msgspec.json.decode(packed), "\n")).encode() + b"\n"


def head_of(data: bytes) -> Mark:
    """Return the place in the log at which an encoded document stands, without the rest.

    Raises
    ------
    msgspec.MsgspecError
        If it is no document.
    """
    head = msgspec.json.decode(data, type=_Head)
    return Mark(head.epoch, head.position)


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
        if head.format in _READ:
            document = _audited(msgspec.json.decode(data, type=StateDocument), where)
            document.format = FORMAT
            return document
    except (msgspec.MsgspecError, InputError) as error:
        raise StateError(
            f"{where} holds no readable state ({len(data)} bytes: {error}); it was left as it is: "
            "restore it from a copy, or move it away to start anew"
        ) from error
    age = "a newer" if head.format > FORMAT else "an unknown"
    raise StateError(
        f"{where} has state format {head.format}, of {age} version of tracetier; this one reads "
        f"formats {', '.join(map(str, _READ))}: upgrade tracetier, or use another state. It was "
        "left as it is"
    )


def _audited(document: StateDocument, where: str) -> StateDocument:
    n_buckets, n_tiers = len(document.buckets), len(document.tiers)
    audit_table("decisions", document.decisions, n_buckets, n_tiers, least=0)
    audit_row("cost_ref_usd, lam", [document.cost_ref_usd, document.lam], 2, least=0)
    audit_row("counts", msgspec.structs.astuple(document.counts), 4, least=0)
    audit_strategy(document.strategy, n_buckets, n_tiers)
    if document.drift is not None:
        audit_drift(document.drift, n_tiers)
    for name, session in document.sessions.items():
        audit_place(f"session {name!r}", session.last, n_tiers, least=-1)
        audit_place(f"session {name!r}", session.floor, n_tiers)
    if document.columns is not None:
        audit_columns(document.columns, document.tiers)
    audit_row(
        "position, now_s, pending_ttl_s, max_pending",
        [document.position, document.now_s, document.pending_ttl_s, document.max_pending],
        4,
        least=0,
    )
    audit_row("ahead_s", [document.ahead_s], 1, least=0)
    audit_open(document.pending | document.partial, document.applied, n_buckets, n_tiers)
    both = document.pending.keys() & document.partial.keys()
    if both:
        raise StateError(f"decision {min(both)!r} is both pending and partial")
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
