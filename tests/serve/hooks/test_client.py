"""The command never keeps the agent waiting, and never says what the agent would not understand."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracetier.records import Decision
from tracetier.serve.hooks import helper as module
from tracetier.serve.hooks.client import place_of
from tracetier.serve.hooks.helper import Helper
from tracetier.serve.hooks.options import read_options
from tracetier.serve.hooks.spawns import Spawns
from tracetier.serve.service import Service

Change = Callable[..., dict[str, Any]]
Write = Callable[..., Path]

ROOT = Path(__file__).parents[3]
ARTIFACT = str(ROOT / "tests" / "golden" / "artifact_v2" / "artifact")
COMMAND = "from tracetier.cli import main; import sys; sys.argv[0] = 'tracetier'; main()"


def _hook(
    argv: list[str], told: dict[str, Any] | bytes, cwd: Path
) -> subprocess.CompletedProcess[bytes]:
    """Run the command as the agent does, and return how it ended."""
    event = told if isinstance(told, bytes) else json.dumps(told).encode()
    return subprocess.run(
        [sys.executable, "-P", "-c", COMMAND, "hook", "claude-code", *argv],
        input=event,
        capture_output=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT / "pipeline"), "OMP_NUM_THREADS": "1"},
        check=False,
    )


def _is_nothing(done: subprocess.CompletedProcess[bytes]) -> bool:
    return (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def _await(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def argv(tmp_path: Path) -> list[str]:
    """Arguments with a state of their own."""
    return [ARTIFACT, "--state", "sqlite://bandit.db", "--root", str(tmp_path)]


@pytest.fixture
def helped(
    short_folder: Path,
    argv: list[str],
    hooked: Service,
    spawns: Spawns,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Service]:
    """A service behind the socket that the command looks for."""
    monkeypatch.setattr(module, "_LOOK_S", 0.02)
    place = place_of(argv)
    helper = Helper(hooked, read_options(argv), place, spawns=spawns)
    thread = threading.Thread(target=helper.run)
    thread.start()
    _await(Path(place).exists)
    yield hooked
    helper.end()
    thread.join()


def _answered(
    argv: list[str], told: dict[str, Any], cwd: Path
) -> subprocess.CompletedProcess[bytes]:
    """Ask until there is an answer: a loaded machine may need longer than an agent should wait."""
    done = _hook(argv, told, cwd)
    for _ in range(60):
        if done.stdout:
            break
        done = _hook(argv, told, cwd)
    return done


def _start(argv: list[str], told: dict[str, Any], cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Ask until a helper has been started."""
    done = _hook(argv, told, cwd)
    for _ in range(40):
        if Path(place_of(argv) + ".log").exists():
            break
        done = _hook(argv, told, cwd)
    return done


@pytest.mark.usefixtures("helped")
def test_a_spawn_is_answered_on_standard_output(
    argv: list[str], spawn_event: Change, tmp_path: Path
) -> None:
    """One JSON object, and code 0."""
    told = spawn_event()
    done = _answered(argv, told, tmp_path)

    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "updatedInput": told["tool_input"] | {"model": "opus"},
        }
    }


def test_a_stop_is_reported_and_not_answered(
    argv: list[str],
    helped: Service,
    spawn_event: Change,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
) -> None:
    """The whole exchange: spawn, transcript, stop, cost."""
    _answered(argv, spawn_event(), tmp_path)
    transcript = write_transcript(tmp_path, tool_use_id="toolu_01ABC123")
    done = _hook(argv, stop_event(transcript), tmp_path)
    (view,) = helped.recent.last(1)
    for _ in range(20):  # the command may have given up before the helper had it all
        if view.cost_usd is None:
            time.sleep(0.2)
            _hook(argv, stop_event(transcript), tmp_path)

    assert _is_nothing(done)
    assert view.cost_usd == pytest.approx(0.00495)


def test_a_state_that_hangs_leaves_the_spawn_as_it_is(
    argv: list[str],
    helped: Service,
    spawn_event: Change,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The command has ended while the state still hangs."""
    gate, is_asked, route = threading.Event(), threading.Event(), helped.route

    def wait(*args: Any, **given: Any) -> Decision:
        is_asked.set()
        assert gate.wait(60)
        return route(*args, **given)

    monkeypatch.setattr(helped, "route", wait)
    done = _hook(argv, spawn_event(), tmp_path)
    for _ in range(20):
        if is_asked.wait(0.1):
            break
        done = _hook(argv, spawn_event(), tmp_path)
    was_hanging = is_asked.is_set() and not gate.is_set()
    gate.set()

    assert was_hanging
    assert _is_nothing(done)


def test_standard_input_that_never_ends_is_not_waited_for(
    argv: list[str], short_folder: Path, tmp_path: Path
) -> None:
    """The watch is not the read's own."""
    command = [sys.executable, "-P", "-c", COMMAND, "hook", "claude-code", *argv]
    env = os.environ | {"PYTHONPATH": str(ROOT / "pipeline")}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, env=env
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b'{"hook_event_name":')
        process.stdin.flush()

        assert process.wait(60) == 0


def _broken(kind: str, folder: Path) -> list[str]:
    root = ["--root", str(folder)]
    if kind == "no artifact":
        return ["nowhere", *root]
    if kind == "no arguments":
        return root
    if kind == "unknown argument":
        return [ARTIFACT, "--wrong", *root]
    if kind == "broken settings":
        (folder / "tracetier.toml").write_text("[route\n")
        return [ARTIFACT, *root]
    (folder / "bandit.json").write_text("{broken")
    return [ARTIFACT, "--state", "bandit.json", *root]


@pytest.mark.parametrize(
    "kind",
    [
        "no artifact",
        "broken state",
        pytest.param("no arguments", marks=pytest.mark.slow),
        pytest.param("unknown argument", marks=pytest.mark.slow),
        pytest.param("broken settings", marks=pytest.mark.slow),
    ],
)
def test_a_broken_set_up_leaves_the_spawn_as_it_is(
    kind: str, short_folder: Path, spawn_event: Change, tmp_path: Path
) -> None:
    """Before and after its helper has failed; the helper says why, where ``--check`` looks."""
    argv = _broken(kind, tmp_path)
    first = _start(argv, spawn_event(), tmp_path)
    log = Path(place_of(argv) + ".log")
    _await(lambda: b"tracetier: error: " in log.read_bytes())
    second = _hook(argv, spawn_event(), tmp_path)

    assert _is_nothing(first)
    assert _is_nothing(second)
    assert not Path(place_of(argv)).exists()


def test_the_first_event_starts_a_helper_and_one_only(
    argv: list[str], short_folder: Path, spawn_event: Change, tmp_path: Path
) -> None:
    """It answers the next one, and goes when its socket does."""
    assert _is_nothing(_start(argv, spawn_event(), tmp_path))
    _await(Path(place_of(argv)).exists)
    started = Path(place_of(argv) + ".started").stat().st_mtime_ns
    done = _answered(argv, spawn_event(), tmp_path)
    assert done.stdout
    _await((tmp_path / "bandit.db").exists)
    Path(place_of(argv)).unlink()

    assert json.loads(done.stdout)["hookSpecificOutput"]["updatedInput"]["model"] in (
        "haiku",
        "sonnet",
        "opus",
    )
    assert Path(place_of(argv) + ".started").stat().st_mtime_ns == started


@pytest.mark.parametrize("event", [b"", b"{", b"null", b"\xff\xfe", b'{"hook_event_name": []}'])
@pytest.mark.usefixtures("helped")
def test_what_is_no_event_is_not_answered(argv: list[str], event: bytes, tmp_path: Path) -> None:
    """Nor does it end the helper."""
    assert _is_nothing(_hook(argv, event, tmp_path))
    assert Path(place_of(argv)).exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "ftp://x", "nonsense"])
def test_a_service_that_is_not_there_leaves_the_spawn_as_it_is(
    url: str, short_folder: Path, spawn_event: Change, tmp_path: Path
) -> None:
    """No helper is started for it either."""
    assert _is_nothing(_hook(["--url", url], spawn_event(), tmp_path))
    assert list(short_folder.glob("tracetier/*")) == []


def test_somebody_elses_folder_is_not_trusted(
    argv: list[str], short_folder: Path, spawn_event: Change, tmp_path: Path
) -> None:
    """Whoever can write there could answer in the helper's place."""
    (short_folder / "tracetier").mkdir(mode=0o777)
    (short_folder / "tracetier").chmod(0o777)

    assert _is_nothing(_hook(argv, spawn_event(), tmp_path))
    assert list((short_folder / "tracetier").iterdir()) == []


def test_the_command_loads_next_to_nothing() -> None:
    """An interpreter that loads more than this is too slow for an agent."""
    code = (
        "import sys; sys.argv = ['tracetier', 'hook', 'claude-code', '--url', 'http://127.0.0.1:1']"
        "\nimport os\nos._exit = lambda code: print(*sys.modules)\n"
        "from tracetier.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=b"{}",
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "pipeline")},
        check=True,
    )
    loaded = {name.partition(".")[0] for name in done.stdout.decode().split()}

    assert "socket" in loaded
    assert not loaded & {"msgspec", "typer", "rich", "numpy", "json", "pathlib", "subprocess"}
