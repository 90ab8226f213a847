"""What of the logs may be written: rows, issues and names without secrets, or without text.

Redaction takes place before anything follows from a row (its tier, its features), so the table is
what would have come of logs that never held the secret. A text is withheld after its features are
extracted; what stands for it are those and a hash that nobody can check guesses against without
the key.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from tracetier.decision_log.text_hash import KEY_VARIABLE, hash_key, keyed_hash
from tracetier.errors import SettingsError
from tracetier.features.spec import FEATURES
from tracetier.ingest.identity import task_id_of
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.redact import compile_patterns, redact_text
from tracetier.records import Invocation
from tracetier.table.arrays import array_of

if TYPE_CHECKING:
    import pyarrow as pa

_TEXT_ID = "text:"
_TEXTS: Final = (
    "task_text",
    "task_type",
    "agent_name",
    "last_tier",
    "model",
    "tier",
    "y_quality_source",
    "y_quality_name",
    "y_status",
    "y_error_type",
)
_IDS: Final = ("trace_id", "span_id", "parent_id", "session_id", "task_id")
_ISSUE_TEXTS: Final = ("file", "pointer", "message", "value")
_MADE_ID = re.compile(r"[0-9a-f]{16}")  # as `identity.digest` makes them


class Privacy(Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """What must not be written.

    Parameters
    ----------
    redact : bool
        Whether keys, e-mail addresses, home paths and ``patterns`` are taken out.
    patterns : tuple of str
        The user's own regular expressions; see `compile_patterns`.
    no_text : bool
        Whether the texts of tasks are withheld.
    hash_key : bytes, optional
        For the hashes of texts, and of ids that hold a secret. Never shown.
    """

    redact: bool = False
    patterns: tuple[str, ...] = ()
    no_text: bool = False
    hash_key: bytes | None = None

    def __repr__(self) -> str:
        told = None if self.hash_key is None else keyed_hash("", self.hash_key)
        return (
            f"Privacy(redact={self.redact}, patterns={self.patterns}, no_text={self.no_text}, "
            f"key={told})"
        )


def privacy_of(
    *,
    redact: bool = False,
    no_text: bool = False,
    patterns: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
) -> Privacy:
    """Return what a run may write, with the key of the environment.

    Raises
    ------
    SettingsError
        If a pattern cannot be used, or the key is missing where it is needed, or too short.
    """
    compile_patterns(patterns)
    if not (redact or no_text):
        return Privacy()
    key = hash_key(env)
    if no_text and key is None:
        raise SettingsError(
            f"--no-text needs the environment variable {KEY_VARIABLE}, which keys the hashes that "
            "stand for the texts, and it is not set; keep one key for all tables that are to be "
            f"joined: export {KEY_VARIABLE}=$(openssl rand -hex 32)"
        )
    return Privacy(
        redact=redact,
        patterns=patterns if redact else (),
        no_text=no_text,
        hash_key=key,
    )


def protect(row: Invocation, privacy: Privacy, found: Counter[str]) -> Invocation:
    """Return a row without secrets; the very row where it holds none.

    An id that holds one is replaced whole, so that different ids stay different.

    Parameters
    ----------
    row : Invocation
    privacy : Privacy
    found : Counter of str
        Grows by what is taken out, by kind.

    Raises
    ------
    Fault
        If an id holds a secret and there is no key to hash it by.
    """
    if not privacy.redact:
        return row
    changed: dict[str, object] = {}
    for name in _TEXTS:
        value = getattr(row, name)
        if value and (safe := protect_text(value, privacy, found)) != value:
            changed[name] = safe
    is_by_text = "task_text" in changed and row.task_id == task_id_of(row.task_text)
    if is_by_text:  # the hash of a text that is known but for the secret would give it away
        changed["task_id"] = task_id_of(str(changed["task_text"]))
    for name in _IDS:
        value = getattr(row, name)
        if value and (safe := _safe_id(value, name, privacy, found)) != value:
            changed[name] = safe
    if row.tools:
        changed["tools"] = [protect_text(tool, privacy, found) for tool in row.tools]
    if row.attrs:
        changed["attrs"] = {
            protect_text(name, privacy, found): (
                protect_text(value, privacy, found) if isinstance(value, str) else value
            )
            for name, value in row.attrs.items()
        }
    return msgspec.structs.replace(row, **changed) if changed else row


def protect_issue(issue: Issue, privacy: Privacy, found: Counter[str]) -> Issue:
    """Return an issue without secrets, and where texts are withheld without the value at fault."""
    if privacy.no_text and issue.value:
        issue = msgspec.structs.replace(issue, value="")
    if not privacy.redact:
        return issue
    safe = {name: protect_text(getattr(issue, name), privacy, found) for name in _ISSUE_TEXTS}
    return msgspec.structs.replace(issue, **safe)


def protect_text(text: str, privacy: Privacy, found: Counter[str]) -> str:
    """Return a text, or a path, without secrets."""
    if not privacy.redact:
        return text
    redacted = redact_text(text, _compiled(privacy.patterns))
    found.update(redacted.found)
    return redacted.text


def shown_path(path: Path, privacy: Privacy) -> str:
    """Return what a table and its account call a file."""
    return protect_text(str(path), privacy, Counter())


def withhold_texts(table: "pa.Table", privacy: Privacy, *, are_of_steps: bool) -> "pa.Table":
    """Return a table whose texts are replaced by their keyed hashes, once features are extracted.

    Ids that were made from the text are hashed again, with the key.

    Parameters
    ----------
    table : pa.Table
        All of `COLUMNS`.
    privacy : Privacy
        With a key.
    are_of_steps : bool
        Whether the rows were put together from steps; else their ids may be of their text.
    """
    import pyarrow as pa

    if not privacy.no_text:
        return table
    assert privacy.hash_key is not None
    key = privacy.hash_key
    texts = table["task_text"].to_pylist()
    hashes = table["task_text_hash"].to_pylist()
    new = {
        "task_text": [""] * len(table),
        "task_text_hash": [
            keyed_hash(text, key) if text else known
            for text, known in zip(texts, hashes, strict=True)
        ],
        "task_id": [
            _TEXT_ID + keyed_hash(id_, key) if text and id_.startswith(_TEXT_ID) else id_
            for id_, text in zip(table["task_id"].to_pylist(), texts, strict=True)
        ],
    }
    if not are_of_steps:
        new["trace_id"] = [
            keyed_hash(id_, key) if text and _MADE_ID.fullmatch(id_) else id_
            for id_, text in zip(table["trace_id"].to_pylist(), texts, strict=True)
        ]
    for name, values in new.items():
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(values, pa.string()))
    return table


def forget_features(table: "pa.Table") -> "pa.Table":
    """Return a table without the features of texts that were withheld from its log.

    What was extracted from nothing is unknown, and not the features of an empty text.
    """
    if table["task_text_hash"].null_count == len(table):
        return table
    import pyarrow as pa
    import pyarrow.compute as pc

    is_withheld = pc.and_(table["task_text_hash"].is_valid(), pc.equal(table["task_text"], ""))
    for feature in FEATURES:
        if "task_text" not in feature.source:
            continue
        is_lost = is_withheld
        if "prompt_tokens_est" in feature.source:
            is_lost = pc.and_(is_lost, table["prompt_tokens_est"].is_null())
        at = table.column_names.index(feature.name)
        left = pc.if_else(is_lost, pa.scalar(None, pa.float64()), table[feature.name])
        table = table.set_column(at, table.schema.field(at), left)
    return table


def with_given_features(table: "pa.Table", rows: Sequence[Invocation]) -> "pa.Table":
    """Return a table with the features that the log tells of texts that it withholds.

    Parameters
    ----------
    table : pa.Table
        Of these rows, without the features of withheld texts.
    rows : sequence of Invocation
    """
    given = [row.x if row.x and not row.task_text else {} for row in rows]
    for name in sorted({name for one in given for name in one}):
        at, old = table.column_names.index(name), table[name].to_pylist()
        values = [one.get(name, before) for one, before in zip(given, old, strict=True)]
        table = table.set_column(at, table.schema.field(at), array_of(values, "float64"))
    return table


def _safe_id(value: str, name: str, privacy: Privacy, found: Counter[str]) -> str:
    if protect_text(value, privacy, found) == value:
        return value
    if privacy.hash_key is None:
        raise Fault(
            "secret_in_id",
            f"{name} holds a secret or a personal name, and ids must stay apart; set "
            f"{KEY_VARIABLE}, and its keyed hash is written in its place",
            pointer=name,
        )
    return keyed_hash(value, privacy.hash_key)


_compiled = cache(compile_patterns)
