"""A sub-agent has stopped: its transcript → what its decision cost, and how it went if asked for.

    event -> transcript (once its last words are in it) -> spawn -> same model? -> feedback

The model that answered is checked against the one that the spawn was given. Where the agent did not
heed the hook, the outcome is another tier's, and nothing is learned from it.
"""

import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from tracetier.errors import FeedbackError, StorageError, TracetierError
from tracetier.records import Feedback, Invocation
from tracetier.serve.hooks.claude_code import Event, is_model_of
from tracetier.serve.hooks.spawns import Spawns
from tracetier.serve.logs import tell
from tracetier.serve.service import Service

SETTLE_S: Final = 3.0
"""Seconds in which a transcript's last lines come; the event comes before them."""

_STEP_S = 0.1
_TAIL_BYTES = 256 * 1024
_MOST_BYTES = 256 * 1024 * 1024
_MOST_WAITING = 256
_SIGN_CHARS = 200
_TRIES = 3

End = Literal["reported", "not ours", "no transcript", "other model", "nothing known", "refused"]
"""What became of a stop."""


class StopReporter:
    """Reports stops, one after the other, in a thread of its own.

    Parameters
    ----------
    service : Service
    spawns : Spawns
    settle_s : float
        Seconds to wait for the last lines of a transcript.
    sleep : callable
        Waits so many seconds.
    """

    def __init__(
        self,
        service: Service,
        spawns: Spawns,
        *,
        settle_s: float = SETTLE_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service, self._spawns = service, spawns
        self._settle_s, self._sleep = settle_s, sleep
        self._waiting: queue.Queue[tuple[Event, str | None]] = queue.Queue(_MOST_WAITING)
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_idle(self) -> bool:
        """Whether every stop has been dealt with."""
        return self._waiting.unfinished_tasks == 0

    def submit(self, event: Event, quality_from: str | None = None) -> bool:
        """Have a stop reported soon; false where too many wait already."""
        try:
            self._waiting.put_nowait((event, quality_from))
        except queue.Full:
            return False
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="stops", daemon=True)
                self._thread.start()
        return True

    def finish(self) -> None:
        """Wait until every stop that was submitted has been dealt with."""
        self._waiting.join()

    def report(self, event: Event, quality_from: str | None = None) -> End:
        """Report the outcome of a sub-agent that stopped.

        Parameters
        ----------
        event : Event
        quality_from : str, optional
            Proxies to report as quality, see `tracetier.ingest.agent_run`.

        Raises
        ------
        InputError
            If the transcript cannot be read, or the proxies are not understood.
        """
        # Heavy, and needed from the first stop on only.
        from tracetier.ingest.agent_run import read_agent_run, tool_use_of

        path = transcript_of(event)
        if path is None:
            return "no transcript"
        self._settle(path, event.last_assistant_message)
        tiers = self._service.router.tiers
        run = read_agent_run(path, tiers=tiers, quality_from=quality_from)
        if run is None:
            return "no transcript"
        spawn = self._spawns.take(tool_use_of(path), event.session_id, run.task_text)
        if spawn is None:
            return "not ours"
        if run.model is None or not is_model_of(tiers, run.model, spawn):
            return "other model"
        return self._feed(feedback_of(spawn.decision_id, run))

    def _feed(self, report: Feedback) -> End:
        if report.quality is None and report.cost_usd is None:
            return "nothing known"
        for i in range(_TRIES):
            try:
                self._service.feedback(report, source="hook")
                return "reported"
            except StorageError:
                if i + 1 < _TRIES:
                    self._sleep(1.0)
            except FeedbackError:
                break
        return "refused"

    def _settle(self, path: Path, last: str | None) -> None:
        """Wait until the last words are in the file."""
        for _ in range(round(self._settle_s / _STEP_S)):
            if not last or _ends_with(path, last):
                return
            self._sleep(_STEP_S)

    def _work(self) -> None:
        while True:
            event, quality_from = self._waiting.get()
            try:
                end = self.report(event, quality_from)
                tell("sub-agent stopped", agent_type=event.agent_type, end=end)
            except TracetierError as error:
                tell("sub-agent stopped", agent_type=event.agent_type, end=str(error))
            except Exception as error:  # noqa: BLE001 - the next stop must be dealt with
                tell("sub-agent stopped", agent_type=event.agent_type, end=type(error).__name__)
            finally:
                self._waiting.task_done()


def transcript_of(event: Event) -> Path | None:
    """Return the transcript that an event names; ``None`` where that is no sub-agent's file.

    The path comes from outside, so only a plain file of the right name and size is opened.
    """
    path = Path(event.agent_transcript_path)
    try:
        path = path.expanduser()
        is_named = path.name.startswith("agent-") and path.suffix == ".jsonl"
        if is_named and path.is_file() and path.stat().st_size <= _MOST_BYTES:
            return path
    except (OSError, RuntimeError, ValueError):
        pass
    return None


def feedback_of(decision_id: str, run: Invocation) -> Feedback:
    """Return what is reported of a run: its cost, and its quality from 0 to 10 where it has one."""
    quality = None if run.y_quality is None else 10 * run.y_quality
    return Feedback(decision_id=decision_id, quality=quality, cost_usd=run.y_cost_usd)


def _ends_with(path: Path, last: str) -> bool:
    """Whether a text stands near the end of a file, as JSON writes it in either of two ways."""
    sign = last.strip()[:_SIGN_CHARS]
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        tail = file.read()
    texts = (json.dumps(sign, ensure_ascii=is_ascii)[1:-1] for is_ascii in (False, True))
    return any(text.encode("utf-8", "surrogatepass") in tail for text in texts)
