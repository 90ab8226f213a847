"""Where a service is endured: its store, its upstream, its disks and its workers, as processes.

Redis writes every command to its disk before it answers (``appendfsync always``). The decision log
and the state lie on small file systems of their own, so that a disk can be filled (needs root). A
small library moves the clock of single workers (needs a C compiler). What cannot be had is left
out, and told.
"""

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx

from serve import free_port

HERE = Path(__file__).parent
LOG_BYTES, LOG_BYTES_A_MINUTE, STATE_BYTES = 160 << 20, 24 << 20, 320 << 20
TIERS = ("haiku", "sonnet", "opus")
OLD_PART = "decisions-20260101T000000Z-1-1.jsonl"
"""A finished part that a week ago ended: not old enough to go."""


class Disk:
    """A small file system of its own where that can be had, else a folder."""

    def __init__(self, path: Path, n_bytes: int) -> None:
        self.path = path
        path.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(path)]
        done = subprocess.run(mount, capture_output=True, check=False)
        self.is_own = done.returncode == 0
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        """Make room."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Take it away."""
        if self.is_own:
            subprocess.run(["umount", "-l", str(self.path)], capture_output=True, check=False)


class Redis:
    """A server of our own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._binary = shutil.which("redis-server") or shutil.which("valkey-server")
        self.process: subprocess.Popen[bytes] | None = None
        self.n_starts = 0

    def start(self) -> None:
        """Start it on what it wrote down before."""
        assert self._binary is not None, "redis-server is not installed"
        command = [self._binary, "--port", str(self.port), "--dir", str(self.folder)]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        command += ["--auto-aof-rewrite-min-size", "32mb"]
        with (self.folder.parent / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.n_starts += 1

    def send(self, number: int) -> None:
        """Send it a signal."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def see_to(self) -> None:
        """Start it again where it ended by itself, as it does when it cannot write."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            self.process.wait(30)
            self.process = None


class Upstream:
    """The provider behind the gateway."""

    def __init__(self, log: Path) -> None:
        self.port, self._log = free_port(), log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "uvicorn", "_upstream:app", "--app-dir", str(HERE)]
        command += ["--port", str(self.port), "--no-access-log", "--log-level", "critical"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: answers(self.port, "/mode"))

    def mode(self, name: str) -> None:
        """Tell it how to fail."""
        with suppress(httpx.HTTPError):
            httpx.post(f"http://127.0.0.1:{self.port}/mode", content=name.encode(), timeout=5.0)

    def stop(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Place:
    """A service with all that it stands on, in a folder."""

    def __init__(
        self, folder: Path, store: str, artifacts: dict[str, Path], *, minutes: float
    ) -> None:
        self.folder, self.store = folder, store
        self.models = folder / "models"
        self.models.mkdir()
        for name, path in artifacts.items():
            shutil.copytree(path, self.models / name)
        shutil.copytree(self.models / "first", self.models / "bad")
        largest = max((self.models / "bad").iterdir(), key=lambda path: path.stat().st_size)
        largest.write_bytes(largest.read_bytes()[:-100])
        n_bytes = LOG_BYTES + int(minutes * LOG_BYTES_A_MINUTE)
        self.log_disk = Disk(folder / "log", n_bytes)  # else it is full for good in the middle
        self.state_disk = Disk(folder / "state", STATE_BYTES)
        self.redis = Redis(self.state_disk.path) if store == "redis" else None
        self.upstream = Upstream(folder / "upstream.log")
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._shifts = folder / "shifts"
        self._library = self._built()

    @property
    def url(self) -> str:
        """Where the state is."""
        if self.redis is not None:
            return f"redis://127.0.0.1:{self.redis.port}/0"
        return f"sqlite://{self.state_disk.path}/bandit.db"

    @property
    def can_move_clocks(self) -> bool:
        """Whether the clocks of workers can be moved."""
        return self._library is not None

    def start(self, begins: Callable[[str, Path], None] | None = None) -> None:
        """Start everything, and wait until it answers; the state may be begun by another."""
        if self.redis is not None:
            self.redis.start()
        if begins is not None:
            begins(self.url, self.models / "first")
        self.upstream.start()
        self._settle_settings()
        old = self.log_disk.path / OLD_PART
        old.write_text("")
        week_ago = time.time() - 7 * 86_400
        os.utime(old, (week_ago, week_ago))
        command = [sys.executable, "-m", "tracetier", "serve", str(self.models / "first")]
        command += ["--workers", "2", "--port", str(self.port), "--state", self.url, "--json"]
        command += ["--models", str(self.models), "--log", str(self.log_disk.path)]
        env = dict(os.environ, TRACETIER_HASH_KEY="an endurance run's own key")
        if self._library is not None:
            env |= {"LD_PRELOAD": str(self._library), "CLOCK_SHIFT_DIR": str(self._shifts)}
        with (self.folder / "service.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=env, cwd=self.folder
            )
        wait_until(lambda: answers(self.port, "/readyz") and len(self.workers()) == 2)

    def workers(self) -> list[int]:
        """Return the process ids of the workers, the oldest first."""
        assert self.process is not None
        pid, found = self.process.pid, []
        with suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                with suppress(OSError):
                    if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                        found.append(int(child))
        return found

    def move_clock(self, pid: int, seconds: int) -> bool:
        """Move the clock of a worker, from what it really is; return whether it has one."""
        with suppress(FileNotFoundError), (self._shifts / str(pid)).open("r+b") as file:
            file.write(struct.pack("q", seconds))
            return True
        return False

    def stop(self) -> int:
        """End the service well; return how it ended."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def close(self) -> None:
        """End everything, and take the disks away."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        self.upstream.stop()
        if self.redis is not None:
            self.redis.stop()
        self.log_disk.close()
        self.state_disk.close()

    def _built(self) -> Path | None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or not sys.platform.startswith("linux"):
            return None
        self._shifts.mkdir()
        library = self.folder / "shift.so"
        source = str(HERE / "_shift.c")
        built = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), source, "-ldl"]
        done = subprocess.run(built, capture_output=True, check=False)
        return library if done.returncode == 0 else None

    def _settle_settings(self) -> None:
        lines = []
        for tier in TIERS:
            lines += ["[[tier]]", f'name = "{tier}"', f'model = "fake-{tier}"']
            lines += ['upstream = ["o", "a"]', "input_usd_per_mtok = 1.0"]
            lines += ["output_usd_per_mtok = 5.0"]
        for name, api, path in (("o", "openai", "/v1"), ("a", "anthropic", "")):
            url = f"http://127.0.0.1:{self.upstream.port}{path}"
            lines += ["[[upstream]]", f'name = "{name}"', f'api = "{api}"', f'base_url = "{url}"']
            lines += ["timeout_s = 1"]
        (self.folder / "tracetier.toml").write_text("\n".join(lines) + "\n")


def answers(port: int, path: str) -> bool:
    """Whether something answers at a port."""
    try:
        httpx.post(f"http://127.0.0.1:{port}{path}", content=b"ok", timeout=1.0)
    except httpx.HTTPError:
        return False
    return True


def wait_until(is_true: Callable[[], bool], most_s: float = 90.0) -> None:
    """Wait until something is true; raise `TimeoutError` where it takes too long."""
    until_s = time.monotonic() + most_s
    while not is_true():
        if time.monotonic() > until_s:
            raise TimeoutError("it did not come up")
        time.sleep(0.2)
