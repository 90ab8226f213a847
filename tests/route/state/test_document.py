"""The state document: reads back to the bit, and refuses what cannot be right."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import StateError
from tracetier.records import Task
from tracetier.route.ledger import Pending
from tracetier.route.offline import export_state
from tracetier.route.router import Router
from tracetier.route.seed import SeedParams, SeedState
from tracetier.route.state.document import (
    FORMAT,
    StateDocument,
    decode_document,
    encode_document,
    head_of,
)
from tracetier.route.state.memory import MemoryStore
from tracetier.route.strategy import StrategyName
from tracetier.route.tally import Counts


@pytest.fixture
def stored(make_router: Callable[..., Router]) -> Callable[[str], bytes]:
    """Return a maker of states that saw 40 decisions and 30 reports."""

    def make(strategy: str) -> bytes:
        store, world = MemoryStore(), Random(2)
        with make_router(state=store, strategy=strategy) as router:
            decisions = [
                router.route(Task(task_type=world.choice(["edit", "chat"]))) for _ in range(40)
            ]
            for decision in decisions[:30]:
                router.feedback(
                    decision.decision_id, quality=10 * world.random(), cost_usd=world.random() / 50
                )
        return export_state(store)

    return make


every_strategy = pytest.mark.parametrize("strategy", get_args(StrategyName))


@every_strategy
def test_a_state_reads_back_to_the_bit(stored: Callable[[str], bytes], strategy: str) -> None:
    """Encode after decode is the identity on bytes."""
    data = stored(strategy)

    document = decode_document(data, where="here")

    assert encode_document(document) == data
    assert document.counts == Counts(decisions=40, feedback=30)
    assert len(document.pending) == 10
    assert len(document.applied) == 30


floats = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(max_size=8)


@given(
    q=st.lists(floats, min_size=6, max_size=6),
    buckets=st.lists(names, min_size=2, max_size=2, unique=True),
    artifact_id=names,
    ids=st.lists(names, max_size=20, unique=True),
    time_s=st.floats(0, 1e10),
)
def test_any_state_survives_the_codec(
    q: list[float], buckets: list[str], artifact_id: str, ids: list[str], time_s: float
) -> None:
    """Any finite float, any name, any number of ids; and it is JSON to others too."""
    pending = {
        name: Pending(bucket=1, tier=2, quality=q[0], cost=q[1], lam=0, propensity=1, time_s=time_s)
        for name in ids[::2]
    }
    document = StateDocument(
        format=FORMAT,
        artifact_id=artifact_id,
        tiers=["low", "mid", "high"],
        buckets=buckets,
        cost_ref_usd=0.02,
        lam=0.3,
        strategy=SeedState(
            params=SeedParams(), q=[q[:3], q[3:]], q_start=[q[:3], q[3:]], n_reports=[[0] * 3] * 2
        ),
        counts=Counts(),
        decisions=[[1, 2, 3], [4, 5, 6]],
        pending=pending,
        applied=ids[1::2],
    )

    data = encode_document(document)

    assert decode_document(data, where="here") == document
    assert json.loads(data) == msgspec.to_builtins(document)


def test_a_person_can_read_it(stored: Callable[[str], bytes]) -> None:
    """One line per row of numbers and per open decision."""
    lines = stored("residual").decode().splitlines()

    assert lines[0] == "{"
    assert lines[1] == f' "format": {FORMAT},'
    assert sum('"propensity":' in line for line in lines) == 10
    assert max(map(len, lines)) < 250


@every_strategy
def test_a_torn_state_is_refused_wherever_it_is_torn(
    stored: Callable[[str], bytes], strategy: str
) -> None:
    """Cut at every 50th byte, and empty."""
    data = stored(strategy)

    for end in range(0, len(data) - 2, 50):
        with pytest.raises(StateError, match=r"state 'x' holds no readable state .*left as it is"):
            decode_document(data[:end], where="state 'x'")


@pytest.mark.parametrize(
    "data",
    [b"[]", b"{}", b'{"format": "1"}', b'{"format": 2}', b"\x1f\x8b\x08", b"null"],
    ids=["a list", "no format", "format is text", "nothing else", "gzip", "null"],
)
def test_a_foreign_file_is_refused(data: bytes) -> None:
    """Also where it is JSON."""
    with pytest.raises(StateError, match="holds no readable state"):
        decode_document(data, where="here")


@pytest.mark.parametrize(
    ("version", "age"), [(FORMAT + 1, "a newer"), (0, "an unknown")], ids=["future", "unknown"]
)
def test_another_format_is_refused_by_its_number(
    stored: Callable[[str], bytes], version: int, age: str
) -> None:
    """Whatever else it holds: a future format need not look like this one."""
    data = msgspec.json.encode({"format": version, "strategy": "of the future"})

    with pytest.raises(StateError, match=f"state format {version}, of {age} version.*formats 1, 2"):
        decode_document(data, where="here")


def test_a_field_of_a_later_minor_version_is_ignored(stored: Callable[[str], bytes]) -> None:
    """Fields may be added under one number."""
    raw = json.loads(stored("residual"))
    raw["strategy"]["quality"]["later"] = raw["later"] = 1

    assert decode_document(json.dumps(raw).encode(), where="here").format == FORMAT


def _set(raw: Any, path: str, value: object) -> None:
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        raw = raw[part]
    raw[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("strategy.quality.cell_n.1.0", -1.0, r"quality\.cell_n\[1\]\[0\] is -1, must be >= 0"),
        ("strategy.cost.cell_n.0", [1.0], r"cost\.cell_n\[0\] has 1 numbers, must have 3"),
        ("strategy.cost.cell_sum", [], r"cost\.cell_sum has 0 rows, must have 2"),
        ("strategy.quality.sigma2.2", 0.0, r"quality\.sigma2\[2\] is 0"),
        ("strategy.quality.tau2.0", -0.1, r"quality\.tau2\[0\] is -0.1"),
        ("strategy.quality.tier_n.0", None, r"Expected `float`, got `null`.*tier_n"),
        ("strategy.quality.n_reports", -1, r"quality\.n_reports\[0\] is -1"),
        ("strategy.mean_n.0", -3.0, r"mean_n\[0\] is -3"),
        ("strategy.params.explore_max", 2.0, r"explore_max 2, must be probabilities"),
        ("strategy.name", "oracle", r"Invalid value 'oracle'"),
        ("decisions.1.1", -4, r"decisions\[1\]\[1\] is -4"),
        ("counts.feedback", -1, r"counts\[1\] is -1"),
        ("lam", -1.0, r"is -1, must be >= 0"),
        ("tiers", ["low"], r"decisions\[0\] has 3 numbers, must have 1"),
        ("applied.0", 7, r"Expected `str`, got `int`"),
    ],
)
def test_a_number_that_cannot_be_right_is_named(
    stored: Callable[[str], bytes], path: str, value: object, message: str
) -> None:
    """With its place and what it must be."""
    raw = json.loads(stored("residual"))
    _set(raw, path, value)

    with pytest.raises(StateError, match=message):
        decode_document(json.dumps(raw).encode(), where="here")


@pytest.mark.parametrize("field", ["bucket", "tier", "propensity", "lam"])
def test_an_impossible_open_decision_is_refused(stored: Callable[[str], bytes], field: str) -> None:
    """A bucket or tier that is not there, a propensity or lambda out of range."""
    raw = json.loads(stored("seed"))
    first = next(iter(raw["pending"]))
    raw["pending"][first][field] = {"bucket": 2, "tier": 3, "propensity": 0.0, "lam": -0.1}[field]

    with pytest.raises(StateError, match=f"pending decision '{first}'"):
        decode_document(json.dumps(raw).encode(), where="here")


def test_an_id_that_is_both_open_and_settled_is_refused(stored: Callable[[str], bytes]) -> None:
    """It could be reported twice."""
    raw = json.loads(stored("greedy"))
    raw["applied"].append(next(iter(raw["pending"])))

    with pytest.raises(StateError, match="both pending and applied"):
        decode_document(json.dumps(raw).encode(), where="here")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
def test_numbers_that_are_not_finite_are_refused(
    stored: Callable[[str], bytes], number: bytes
) -> None:
    """As other JSON writers put them."""
    data = stored("residual").replace(b'"lam": 0.3', b'"lam": ' + number, 1)

    with pytest.raises(StateError, match="holds no readable state"):
        decode_document(data, where="here")


@pytest.mark.parametrize("strategy", ["residual", "seed", "greedy"])
def test_a_state_of_format_1_is_gone_on_from(
    make_router: Callable[..., Router], golden: Path, tmp_path: Path, strategy: str
) -> None:
    """Written by the first version: counts, Q and open decisions are what they were."""
    path = tmp_path / "s.json"
    path.write_bytes((golden / f"{strategy}.json").read_bytes())
    expected = json.loads((golden / "expected.json").read_bytes())[strategy]
    with make_router(state=path, strategy=strategy) as router:
        snapshot = router.snapshot()
        assert list(msgspec.structs.astuple(snapshot.counts)) == expected["counts"]
        assert snapshot.n_pending == expected["n_pending"]
        assert [cell.q for cell in snapshot.cells] == pytest.approx(expected["q"], abs=1e-12)
        assert [cell.n_reports for cell in snapshot.cells] == expected["n_reports"]
        old = json.loads((golden / f"{strategy}.json").read_bytes())
        assert router.feedback(next(iter(old["pending"])), quality=5.0)
        assert not router.feedback(old["applied"][0], quality=5.0)

    assert json.loads(path.read_bytes())["format"] == FORMAT
    assert make_router(state=path, strategy=strategy).snapshot().counts.feedback == (
        expected["counts"][1] + 1
    )


@pytest.fixture
def golden(root: Path) -> Path:
    """Folder of states that an earlier version wrote; they are never written again."""
    return root / "tests" / "golden" / "state_v1"


def test_an_id_in_two_places_is_refused(stored: Callable[[str], bytes]) -> None:
    """A decision that waits for its quality does not wait for its cost alone."""
    raw = json.loads(stored("residual"))
    decision_id, decision = next(iter(raw["pending"].items()))
    raw["partial"] = {decision_id: decision}

    with pytest.raises(StateError, match="both pending and partial"):
        decode_document(json.dumps(raw).encode(), where="here")


def test_the_place_in_the_log_is_read_without_the_rest() -> None:
    """Of a document of format 1 it is the beginning."""
    assert head_of(b'{"format": 2, "epoch": "e", "position": 7, "more": 1}') == ("e", 7)
    assert head_of(b'{"format": 1}') == ("", 0)
