"""The whole loop: a model that is wrong is served, and what the log tells replaces it."""

import json
import shutil
from pathlib import Path
from random import Random

import pytest
from tests.retrain.conftest import COST_USD, LAM, SETTINGS, live, quality_of, tasks
from typer.testing import CliRunner

from tracetier import Client, Feedback
from tracetier.api import compare
from tracetier.artifact import load_artifact
from tracetier.cli.app import app
from tracetier.errors import ArtifactError, ServiceError, TableError, WorkError
from tracetier.retrain.joined import join_tables
from tracetier.retrain.lock import locked
from tracetier.retrain.run import retrain
from tracetier.table import read_table

pytestmark = pytest.mark.slow


@pytest.fixture
def models(wrong_artifact: Path, tmp_path: Path) -> Path:
    """A folder of models whose ``prod`` is wrong of this world."""
    shutil.copytree(wrong_artifact, tmp_path / "models" / "prod")
    return tmp_path / "models"


def _refuse(version: Path) -> None:
    raise ArtifactError("not sound")


def _lose_the_answer(version: Path) -> None:
    raise ServiceError("no answer came")


@pytest.mark.parametrize("store_text", [True, False])
def test_a_wrong_model_is_replaced_once(store_text: bool, models: Path, tmp_path: Path) -> None:
    """And it then knows the world; without new outcomes nothing is done again."""
    live(models / "prod", tmp_path / "log", 300, seed=3, store_text=store_text)
    first = retrain(models / "prod", tmp_path / "log", models, settings=SETTINGS)
    second = retrain(models / "prod", tmp_path / "log", models, settings=SETTINGS)
    new = load_artifact(models / "prod")
    bought = [
        "high" if q[1] * 10 - LAM * c[1] > q[0] * 10 - LAM * c[0] else "low"
        for q, c in (
            (found.quality, found.cost)
            for found in (new.predictor.predict(task) for task in tasks(20, 9))
        )
    ]
    right = ["high" if task.task_type == "proof" else "low" for task in tasks(20, 9)]

    assert (first.outcome, first.n_rows, first.n_outcomes) == ("swapped", 300, 300)
    assert first.is_blind is not store_text
    assert (models / "prod").is_symlink()
    assert (models / "prod").resolve() == Path(first.path)
    assert new.artifact_id == first.artifact_id != first.previous
    assert bought == right
    assert (second.outcome, second.artifact_id) == ("nothing new", first.artifact_id)


def test_of_withheld_texts_only_the_candidate_can_be_asked(
    models: Path, wrong_artifact: Path, tmp_path: Path
) -> None:
    """It was trained on them; another model cannot be held against it, a tier can."""
    live(models / "prod", tmp_path / "log", 300, seed=3, store_text=False)
    retrain(models / "prod", tmp_path / "log", models, settings=SETTINGS)
    given = (models / "prod", models / ".retrain" / "log")

    assert compare("high", *given, lam=LAM).candidate.n_in_training == 300
    with pytest.raises(TableError, match=r"texts of 300 tasks .* 'logs' as the incumbent"):
        compare(wrong_artifact, *given, lam=LAM)


def test_new_outcomes_are_learned_and_a_better_model_stays(models: Path, tmp_path: Path) -> None:
    """Only the new part is read; the model that knows the world is not left on noise."""
    live(models / "prod", tmp_path / "log", 300, seed=3)
    retrain(models / "prod", tmp_path / "log", models, settings=SETTINGS)
    live(models / "prod", tmp_path / "log", 300, seed=4)
    found = retrain(models / "prod", tmp_path / "log", models, settings=SETTINGS)

    assert (found.outcome, found.n_rows) == ("kept", 600)
    assert found.artifact_id == load_artifact(models / "prod").artifact_id
    assert len(list(models.glob("prod-*"))) == 2


def test_a_service_that_refuses_leaves_everything_as_it_was(models: Path, tmp_path: Path) -> None:
    """And the next run tries again."""
    live(models / "prod", tmp_path / "log", 300, seed=3)
    given = (models / "prod", tmp_path / "log", models)
    with pytest.raises(ArtifactError):
        retrain(*given, settings=SETTINGS, tell_service=_refuse)
    assert not (models / "prod").is_symlink()
    assert list(models.glob("prod-*")) == []
    told: list[Path] = []
    found = retrain(*given, settings=SETTINGS, tell_service=told.append)

    assert found.outcome == "swapped"
    assert told == [Path(found.path)]


def test_a_service_whose_answer_was_lost_finds_what_it_may_have_taken(
    models: Path, tmp_path: Path
) -> None:
    """Its state would lead the next worker to a folder that is gone; what is in use stays."""
    live(models / "prod", tmp_path / "log", 300, seed=3)
    given = (models / "prod", tmp_path / "log", models)
    with pytest.raises(ServiceError):
        retrain(*given, settings=SETTINGS, tell_service=_lose_the_answer)
    (version,) = models.glob("prod-*")

    assert load_artifact(version).artifact_id != load_artifact(models / "prod").artifact_id
    assert not (models / "prod").is_symlink()


def test_a_run_beside_another_changes_nothing(models: Path, tmp_path: Path) -> None:
    """It does not wait either: cron starts the next soon enough."""
    with locked(models / ".retrain" / "lock"), pytest.raises(WorkError, match="another run"):
        retrain(models / "prod", tmp_path / "log", models, settings=SETTINGS)


def test_earlier_traces_are_learned_from_too(
    models: Path, wrong_table: Path, tmp_path: Path
) -> None:
    """A decision that both tell of is taken from the log."""
    live(models / "prod", tmp_path / "log", 40, seed=3)
    retrain(models / "prod", tmp_path / "log", models, settings=SETTINGS, table=wrong_table)
    log = models / ".retrain" / "log"
    both = join_tables(log, wrong_table, tmp_path / "both", SETTINGS.tier_set)  # type: ignore[arg-type]
    twice = join_tables(log, both, tmp_path / "twice", SETTINGS.tier_set)  # type: ignore[arg-type]
    n_rows = [len(read_table(each)) for each in (wrong_table, log, both, twice)]

    assert n_rows == [120, 40, 160, 160]
    assert len(read_table(models / ".retrain" / "joined")) == 160


def test_the_command_swaps_the_artifact_of_a_running_service(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Served, reported and logged over HTTP; the same command again does nothing."""
    pytest.importorskip("fastapi", reason='needs pip install "tracetier[serve]"')
    from tests.serve.conftest import Server, eventually

    token = "0123456789abcdef"
    server = Server(
        tmp_path,
        *("--log", str(tmp_path / "log"), "--state", "memory://", "--lam", str(LAM)),
        artifact=str(models / "prod"),
        TRACETIER_TOKENS=f"cron:admin:{token}",
        TRACETIER_EPSILON="0.3",
        TRACETIER_STORE_TEXT="true",
    )
    url = str(server.client.base_url)
    monkeypatch.setenv("CRON_TOKEN", token)
    command = [
        *("retrain", str(models / "prod"), "--log", str(tmp_path / "log")),
        *("--out", str(models), "--serve", url, "--token-env", "CRON_TOKEN"),
        *("--lam", str(LAM), "--json"),
    ]
    try:
        with Client(url, token=token) as client:
            _report(client, 300)
            assert eventually(lambda: _n_lines(tmp_path / "log") == 600)
            before = client.health().artifact_id
            first = CliRunner().invoke(app, command)
            assert first.exit_code == 0, first.output
            after = client.health().artifact_id
        second = CliRunner().invoke(app, command)
    finally:
        server.close()
    told = json.loads(first.stdout)

    assert (told["outcome"], told["previous"], told["artifact_id"]) == ("swapped", before, after)
    assert (second.exit_code, json.loads(second.stdout)["outcome"]) == (0, "nothing new")


def _n_lines(log: Path) -> int:
    return sum(part.read_bytes().count(b"\n") for part in log.glob("*.jsonl"))


def _report(client: Client, n: int) -> None:
    rng = Random(5)
    given = list(tasks(n, 5))
    for start in range(0, n, 50):
        part = given[start : start + 50]
        decisions = client.route_batch(part)
        client.feedback_many(
            Feedback(
                decision_id=decision.decision_id,
                quality=quality_of(task.task_type or "", decision.tier, rng),
                cost_usd=COST_USD[decision.tier],
            )
            for task, decision in zip(part, decisions, strict=True)
        )


@pytest.mark.parametrize(
    ("what", "code", "told"),
    [
        pytest.param("log", 2, "no such file or folder", id="no log"),
        pytest.param("artifact", 2, "holds no manifest.json", id="no artifact"),
        pytest.param("table", 2, "is not a feature table", id="no table"),
        pytest.param("token", 2, "NO_SUCH_TOKEN, which is not set", id="no token"),
        pytest.param("service", 1, "see that tracetier serve runs there", id="no service"),
    ],
)
def test_wrong_input_and_failed_work_have_their_exit_codes(
    what: str, code: int, told: str, models: Path, tmp_path: Path
) -> None:
    """One line says what, and nothing is changed."""
    live(models / "prod", tmp_path / "log", 300, seed=3)
    empty = tmp_path / "empty"
    empty.mkdir()
    artifact = empty if what == "artifact" else models / "prod"
    log = tmp_path / "none" if what == "log" else tmp_path / "log"
    command = [*("retrain", str(artifact), "--log", str(log), "--out", str(models))]
    command += ["--lam", str(LAM)]
    command += ["--table", str(empty)] if what == "table" else []
    command += ["--serve", "http://127.0.0.1:9"] if what in ("service", "token") else []
    command += ["--token-env", "NO_SUCH_TOKEN"] if what == "token" else []
    done = CliRunner().invoke(app, command)

    assert (done.exit_code, told in done.output.replace("\n", " ")) == (code, True), done.output
    assert not (models / "prod").is_symlink()
