"""A running service: what it is started with, its socket, its workers.

    config -> check -> socket -> worker (one: here; more: a process each, restarted where they die)
                                   └─ app over Service over Router, on the socket that all share

Workers are told by one environment variable, which holds paths and flags and no secret; tokens
come from their own variable or file.
"""

import gc
import inspect
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from tracetier.errors import ServiceError, SettingsError, TracetierError
from tracetier.serve.auth import Access, check_host, is_loopback
from tracetier.serve.logs import LOGGER, start_logging, tell
from tracetier.serve.service import DecisionLog, Service
from tracetier.settings import Settings, load_settings

if TYPE_CHECKING:
    from tracetier.serve.app import ServedApp

CONFIG_ENV: Final = "_TRACETIER_SERVE"
"""Variable that tells a worker what to serve."""

MULTIPROC_ENV: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Variable by which prometheus-client is told where several processes count together."""

SHUTDOWN_S: Final = 20
"""Seconds that requests under way are given when the service ends."""

WORKER_S: Final = 15
"""Seconds within which a worker has to have started, and to give a sign of life: on a machine that
has too much to do, one that is well takes longer than the web server's own five."""

ACCEPTED_AT_ONCE: Final = 16
"""New connections taken on between two turns of decisions, where one process answers all."""

SWITCH_S: Final = 0.001
"""Seconds for which one thread may keep the interpreter while another waits for it."""

_LOCAL_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})


class ServeConfig(Struct, frozen=True, kw_only=True):
    """What a service is started with.

    Parameters
    ----------
    artifact : str
        Path of the artifact.
    host, port : str, int
        Where it listens; port 0 takes a free one.
    state : str, optional
        URL of the state store; ``None`` keeps it in memory, for one worker.
    workers : int
        Processes, >= 1.
    log : str, optional
        Folder of the decision log; by default none is written.
    tokens_file : str, optional
        File that declares the tokens; by default the environment.
    models : str, optional
        Folder that artifacts may be swapped in from; by default the artifact's own.
    overrides : dict
        Settings from flags.
    is_insecure : bool
        Whether to let other machines in although no token is declared.
    logs_json, logs_all : bool
        Log lines as JSON; a line for every request.
    """

    artifact: str
    host: str = "127.0.0.1"
    port: int = 8080
    state: str | None = None
    workers: int = 1
    log: str | None = None
    tokens_file: str | None = None
    models: str | None = None
    overrides: dict[str, Any] = {}  # Any: values of settings, which `load_settings` checks
    is_insecure: bool = False
    logs_json: bool = False
    logs_all: bool = False

    @property
    def models_folder(self) -> Path:
        """Folder that artifacts may be swapped in from."""
        return Path(self.models) if self.models else Path(self.artifact).resolve().parent

    def settings(self) -> Settings:
        """Return the settings that the flags, the environment and the file amount to."""
        return load_settings(overrides=self.overrides)

    def access(self) -> Access:
        """Return the declared tokens."""
        return Access.load(Path(self.tokens_file) if self.tokens_file else None)


def check(config: ServeConfig) -> Access:
    """Refuse what cannot be served; return the declared tokens.

    Raises
    ------
    SettingsError
        For a host that is not this machine's without a token, or a state in memory that several
        workers cannot share.
    """
    access = config.access()
    check_host(config.host, access, is_insecure=config.is_insecure)
    if config.workers > 1 and (config.state is None or config.state.startswith("memory")):
        raise SettingsError(
            f"{config.workers} workers cannot share a state in memory; give --state a file or a "
            "Redis, or --workers 1"
        )
    if config.models is not None and not Path(config.models).is_dir():
        raise SettingsError(f"--models {config.models!r} is no folder; give one that exists")
    return access


def open_service(config: ServeConfig, settings: Settings, *, stays: bool = True) -> Service:
    """Return the service that a config asks for; one that ``stays`` compiles its predictions."""
    log = _decision_log(config.log, settings)
    return Service.open(
        config.artifact,
        state=config.state,
        settings=settings,
        log=log,
        accelerate="auto" if stays else False,
    )


def build_app(config: ServeConfig) -> "ServedApp":
    """Return the app of one worker."""
    from tracetier.serve.app import create_app

    settings, access = config.settings(), config.access()
    is_local = access.is_open and not config.is_insecure and is_loopback(config.host)
    return create_app(
        open_service(config, settings),
        settings,
        access=access,
        hosts=_LOCAL_NAMES | {config.host} if is_local else None,
        models_folder=config.models_folder,
        logs_all=config.logs_all,
    )


def worker_app() -> "ServedApp":
    """Return the app of a worker that was started with others, as the environment tells it.

    Raises
    ------
    SystemExit
        If there is none to return. Its code is the one by which the supervisor knows of a worker
        that it must not start anew at once; any other error would end the worker with another.
    """
    try:
        config = msgspec.json.decode(os.environ[CONFIG_ENV], type=ServeConfig)
        start_logging(is_json=config.logs_json)
        app = build_app(config)
    except Exception as error:  # noqa: BLE001 - the edge of the process: logged, and it ends
        LOGGER.exception("a worker could not start", extra={"facts": {"reason": _reason(error)}})
        sys.exit(_startup_failure())
    settle_memory()
    share_fairly()
    return app


def _reason(error: Exception) -> str | None:
    """Return the message of an error of ours; in another's there may be a secret."""
    return str(error) if isinstance(error, TracetierError) else None


def _startup_failure() -> int:
    from uvicorn import config

    return int(getattr(config, "STARTUP_FAILURE", 3))  # older versions have no name for it


def listen(config: ServeConfig) -> socket.socket:
    """Return the socket that the service listens on.

    Raises
    ------
    SettingsError
        If the address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((config.host.strip("[]"), config.port))
    except OSError as error:
        made.close()
        raise SettingsError(
            f"cannot listen on {config.host}:{config.port}: {error.strerror or error}; give "
            "another --host or --port, or end what listens there"
        ) from error
    made.set_inheritable(True)
    return made


def serve(config: ServeConfig, listening: socket.socket) -> None:
    """Serve until a signal ends it: requests under way are answered, and the state is stored.

    Raises
    ------
    ServiceError
        If one of several workers failed before all had ever served.
    """
    import uvicorn

    start_logging(is_json=config.logs_json, tells_of_workers=config.workers > 1)
    ignore_signals()
    common: dict[str, Any] = {
        "http": _protocol(),
        "interface": "asgi3",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_graceful_shutdown": SHUTDOWN_S,
        "timeout_keep_alive": 65,
        "backlog": 2048,
    }
    if config.workers == 1:
        app = build_app(config)
        settle_memory()
        share_fairly()
        tell("serving", artifact=config.artifact, state=config.state or "memory", workers=1)
        uvicorn.Server(uvicorn.Config(app, **common)).run(sockets=_several(listening))
        return
    from tracetier.serve.supervisor import Supervisor

    environment = {CONFIG_ENV: msgspec.json.encode(config).decode()}
    with _shared_metrics() as shared, _environment({**environment, **shared}):
        # Loaded once here, so that what cannot be served is told before there are workers.
        open_service(config, config.settings(), stays=False).close()
        tell("serving", artifact=config.artifact, state=config.state, workers=config.workers)
        target = f"{__name__}:{worker_app.__name__}"
        if "timeout_worker_healthcheck" in inspect.signature(uvicorn.Config).parameters:
            common["timeout_worker_healthcheck"] = WORKER_S  # older versions have no such bound
        workers = uvicorn.Config(target, factory=True, workers=config.workers, **common)
        # Any: some of the versions that are out there want to be told what a worker runs.
        supervisor: Any = Supervisor
        told = "target" in inspect.signature(Supervisor).parameters
        extra = {"target": uvicorn.Server(workers).run} if told else {}
        running = supervisor(workers, sockets=[listening], **extra)
        running.run()
        tell("stopped", workers=config.workers)
        if running.has_failed:
            raise ServiceError("a worker did not start, and would not if tried again; see the log")


def _several(listening: socket.socket) -> list[socket.socket]:
    """Return the socket many times over.

    The event loop takes on one connection from each between two turns: from one socket, the last
    of many clients that come at once would wait for as many turns as there are clients. Workers
    that share a socket do not do so: each would take more connections than are its part.
    """
    return [listening, *(listening.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]


def _protocol() -> Any:  # Any: a protocol's class, or the web server's word for its own choice
    """Return what speaks HTTP: our front, where the parser is there that it shares."""
    try:
        from tracetier.serve.hot.front import Front
    except ImportError:
        return "auto"
    return Front


def _decision_log(folder: str | None, settings: Settings) -> DecisionLog | None:
    if folder is None:
        return None
    from tracetier.decision_log.writer import open_log

    return open_log(Path(folder), settings)


def settle_memory() -> None:
    """Look for garbage in cycles less often, and not among what is there to stay.

    A request leaves next to none, and a look takes its time: as much in all, however many objects
    it waits for; but those are memory, some hundred bytes each.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)


def share_fairly() -> None:
    """Have threads take turns within a millisecond: none holds the answers of others up for long.

    The five of the interpreter's own are as much as a whole turn of decisions takes.
    """
    sys.setswitchinterval(SWITCH_S)


def ignore_signals() -> None:
    """Let the web server alone hear the signals that end it: it ends well, and so do we."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)


@contextmanager
def _shared_metrics() -> Iterator[dict[str, str]]:
    """Give the workers a folder to count together in, until they are done."""
    if os.environ.get(MULTIPROC_ENV):
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="tracetier-metrics-") as folder:
        yield {MULTIPROC_ENV: folder}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
