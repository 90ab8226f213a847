"""What is never written, whatever the logs hold."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ingest.secret_shapes import secrets

from tracetier.errors import SettingsError
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.privacy import Privacy, privacy_of, protect, protect_issue
from tracetier.ingest.run import ingest
from tracetier.records import Invocation
from tracetier.settings import Settings
from tracetier.table import X_PREFIX, read_info, read_table

KEY = "0123456789abcdef0123456789abcdef"
_NAMES = {"password", "token", "api_key", "client_secret"}  # of secrets, and none themselves
_REDACT = Privacy(redact=True)
Outcome = Callable[..., dict[str, Any]]
WriteLines = Callable[..., Path]


def _written(table: Path) -> str:
    """Return all that a table says, its compressed parts unpacked."""
    told = [path.read_text() for path in table.glob("*.json")]
    for path in table.glob("*.parquet"):
        content = pq.read_table(path)
        told += [str(content.schema), json.dumps(content.to_pylist(), default=str)]
        told.append(repr(pq.read_metadata(path).metadata))
    return "\n".join(told)


@settings(max_examples=40)
@given(secret=secrets(), data=st.data())
def test_no_secret_survives_in_any_written_byte(
    secret: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In texts, names, tools, attributes, models, broken values, and the names of files."""
    row = {
        "trace_id": "t1", "task_id": "k1", "timestamp": "2025-01-06T08:00:00Z",
        "task_text": f"Use {secret} now", "task_type": f"a {secret}", "agent_name": secret,
        "tools": ["bash", secret], "model": f"m {secret}", "y_status": secret,
        "y_error_type": secret, "attr_note": f"x {secret} y", "y_quality": 0.5, "y_cost_usd": 0.1,
    }  # fmt: skip
    broken = row | {"trace_id": "t2", data.draw(st.sampled_from(["y_quality", "n_tools"])): secret}
    place = tmp_path_factory.mktemp("p")
    log = place / "home" / "zoe4711" / "log.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("".join(json.dumps(line) + "\n" for line in (row, broken)))
    summary = ingest(log, place / "t", redact=True)
    pieces = set(re.split(r"Bearer |[=\"\n/\\]", secret)) - _NAMES
    core = max(pieces, key=len)
    written = _written(place / "t")

    assert core not in written
    assert json.dumps(secret)[1:-1] not in written
    assert "zoe4711" not in written
    assert summary.n_rows == 1
    assert summary.n_rejected == 1
    assert sum(summary.redacted.values()) >= 9


def test_nothing_else_changes(write_lines: WriteLines, outcome: Outcome, tmp_path: Path) -> None:
    """A log without secrets gives the same table, whether asked to redact or not."""
    log = write_lines([outcome(i, attr_a="x") for i in range(5)])
    plain, safe = (
        read_table(ingest(log, tmp_path / str(flag), redact=flag).out) for flag in (False, True)
    )

    assert plain.equals(safe)


def test_redaction_is_off_by_default(
    write_lines: WriteLines, outcome: Outcome, tmp_path: Path
) -> None:
    """The log is the user's own."""
    summary = ingest(write_lines([outcome(1, prompt="Ask a@b.org")]), tmp_path / "t")

    assert summary.redacted == {}
    assert read_table(tmp_path / "t")["task_text"].to_pylist() == ["Ask a@b.org"]


def test_what_was_taken_out_is_counted_by_kind(
    write_lines: WriteLines, outcome: Outcome, tmp_path: Path
) -> None:
    """Also the user's own patterns, and in the account that is kept."""
    text = "Ask a@b.org or c@d.org of CUST-12, password=x"
    log = write_lines([outcome(1, prompt=text), outcome(2, prompt="in /home/ann")])
    summary = ingest(log, tmp_path / "t", redact=True, settings=Settings(redact=(r"CUST-\d+",)))
    kept = json.loads((tmp_path / "t" / "summary.json").read_text())

    assert summary.redacted == {"email": 2, "password": 1, "pattern": 1, "home_path": 1}
    assert kept["redacted"] == summary.redacted


def test_an_id_of_the_text_follows_the_redacted_text() -> None:
    """The hash of a text that is known but for an address would give the address away."""
    from tracetier.ingest.identity import task_id_of

    row = Invocation(trace_id="t", task_id=task_id_of("Ask a@b.org"), task_text="Ask a@b.org")
    safe = protect(row, _REDACT, Counter())

    assert safe.task_text == "Ask [email]"
    assert safe.task_id == task_id_of("Ask [email]")


def test_an_id_that_holds_a_secret_is_hashed_whole_or_refused() -> None:
    """Two people's sessions must not become one."""
    rows = [Invocation(trace_id=f"t-{who}@b.org", task_id="k") for who in ("ann", "bob")]
    keyed = Privacy(redact=True, hash_key=KEY.encode())
    ids = [protect(row, keyed, Counter()).trace_id for row in rows]

    assert len(set(ids)) == 2
    assert all(len(id_) == 32 for id_ in ids)
    with pytest.raises(Fault, match="set TRACETIER_HASH_KEY"):
        protect(rows[0], _REDACT, Counter())


def test_protecting_twice_changes_nothing_more() -> None:
    """A table can be read back as a log."""
    row = Invocation(
        trace_id="t", task_id="k", task_text="a@b.org", tools=["x", "/home/ann/bin"],
        attrs={"a": "token=abc", "b": 1.5},
    )  # fmt: skip
    once = protect(row, _REDACT, Counter())

    assert protect(once, _REDACT, Counter()) == once
    assert once.tools == ["x", "/home/[user]/bin"]
    assert once.attrs == {"a": "token=[secret]", "b": 1.5}


def test_an_issue_shows_no_secret_and_without_text_no_value() -> None:
    """``issues.parquet`` is what people send to one another."""
    issue = Issue(file="/home/ann/x", reason="bad_value", message="is a@b.org", value="'a@b.org'")
    safe = protect_issue(issue, _REDACT, Counter())
    blank = protect_issue(issue, Privacy(no_text=True, hash_key=KEY.encode()), Counter())

    assert (safe.file, safe.message, safe.value) == ("/home/[user]/x", "is [email]", "'[email]'")
    assert blank.value == ""


def test_without_text_features_and_a_keyed_hash_stay(
    write_lines: WriteLines, outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same text gives the same hash, by the same key only; no id tells the text either."""
    records = [
        {"prompt": text, "arms": {"m-s": {"reward": 0.5, "cost": 0.1}}}
        for text in ("What is two?", "And three?")
    ]
    log = write_lines(records)
    plain = read_table(ingest(log, tmp_path / "plain").out)
    monkeypatch.setenv("TRACETIER_HASH_KEY", KEY)
    first = read_table(ingest(log, tmp_path / "t", no_text=True).out)
    again = read_table(ingest(log, tmp_path / "u", no_text=True).out)
    monkeypatch.setenv("TRACETIER_HASH_KEY", KEY[::-1])
    other = read_table(ingest(log, tmp_path / "v", no_text=True).out)
    x_columns = [name for name in plain.column_names if name.startswith(X_PREFIX)]
    hashes = first["task_text_hash"].to_pylist()

    assert first["task_text"].to_pylist() == ["", ""]
    assert first.select(x_columns).equals(plain.select(x_columns))
    assert hashes == again["task_text_hash"].to_pylist()
    assert not set(hashes) & set(other["task_text_hash"].to_pylist())
    assert len(set(hashes)) == 2
    for name in ("trace_id", "task_id"):
        assert not set(first[name].to_pylist()) & set(plain[name].to_pylist())
        assert len(set(first[name].to_pylist())) == 2
    assert not read_info(tmp_path / "t").has_text
    assert read_info(tmp_path / "plain").has_text
    assert "two" not in _written(tmp_path / "t")


def test_a_table_without_text_read_again_keeps_its_hashes_and_knows_no_features_of_the_text(
    write_lines: WriteLines, outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of an empty text would be wrong."""
    monkeypatch.setenv("TRACETIER_HASH_KEY", KEY)
    first = read_table(ingest(write_lines([outcome(1)]), tmp_path / "t", no_text=True).out)
    again = read_table(ingest(tmp_path / "t", tmp_path / "u").out)

    assert again["task_text_hash"].to_pylist() == first["task_text_hash"].to_pylist()
    assert again["x_bytes"].null_count == 1
    assert np.isfinite(first["x_bytes"].to_numpy()).all()
    assert not read_info(tmp_path / "u").has_text


@pytest.mark.parametrize(("key", "told"), [("", "is not set"), ("short", "has 5 bytes")])
def test_no_key_is_made_up(key: str, told: str) -> None:
    """A hash by a key that everyone knows hides nothing."""
    with pytest.raises(SettingsError, match=told):
        privacy_of(no_text=True, env={"TRACETIER_HASH_KEY": key})


def test_the_key_is_never_shown() -> None:
    """But another key makes another recipe, so nothing is taken over from the old table."""
    one, other = (Privacy(no_text=True, hash_key=key.encode()) for key in (KEY, KEY[::-1]))

    assert KEY not in repr(one)
    assert repr(one) != repr(other)


def test_files_that_redact_to_one_name_are_both_read_each_time(
    write_lines: WriteLines, outcome: Outcome, tmp_path: Path
) -> None:
    """Whose rows the old table holds can then not be told."""
    for i, who in enumerate(("ann", "bob")):
        write_lines([outcome(i)], name=f"home/{who}/log.jsonl")
    first = ingest(tmp_path / "home", tmp_path / "t", redact=True)
    again = ingest(tmp_path / "home", tmp_path / "t", redact=True)

    assert len({file.path for file in first.files}) == 1
    assert [file.n_rows for file in again.files] == [1, 1]
    assert read_table(tmp_path / "t").num_rows == 2


def test_redacted_files_that_have_not_changed_are_not_read_again(
    write_lines: WriteLines, outcome: Outcome, tmp_path: Path
) -> None:
    """They are known by the name that is written."""
    log = write_lines([outcome(1, prompt="Ask a@b.org")], name="home/ann/log.jsonl")
    first = ingest(log, tmp_path / "t", redact=True)
    before = (tmp_path / "t" / "summary.json").stat().st_mtime_ns
    again = ingest(log, tmp_path / "t", redact=True)

    assert (tmp_path / "t" / "summary.json").stat().st_mtime_ns == before
    assert again.redacted == first.redacted == {"email": 1}


def test_names_from_the_logs_are_redacted_too(
    write_lines: Callable[..., Path], outcome: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """A column of the user's that is called after somebody, and what it holds."""
    mail = "ann@example.org"
    path = write_lines([outcome(1, **{f"attr_{mail}": f"by {mail}"})])
    ingest(path, tmp_path / "t", redact=True)

    written = b"".join(file.read_bytes() for file in (tmp_path / "t").iterdir())
    assert mail.encode() not in written
    assert any(name.startswith("attr_") for name in read_table(tmp_path / "t").column_names)


def test_names_of_scores_are_redacted_in_the_account(
    write_lines: Callable[..., Path], tmp_path: Path
) -> None:
    """They come from the logs as texts do."""
    call = {"model": "claude-haiku-4-5", "type": "GENERATION", "name": "chat", "id": "o"}
    times = {"startTime": "2026-01-05T08:00:00Z", "endTime": "2026-01-05T08:00:02Z"}
    step = call | times | {"traceId": "t", "parentObservationId": None}
    score = {"name": "by ann@example.org", "value": 1, "dataType": "NUMERIC", "traceId": "t"}
    path = write_lines([step, score | {"id": "s", "source": "API"}])
    summary = ingest(path, tmp_path / "t", redact=True, format="langfuse")

    assert len(summary.scores) == 1
    assert "ann@" not in summary.scores[0].name
    assert "ann@" not in (tmp_path / "t" / "summary.json").read_text()
