"""The hook's command: hands an event to whoever can decide, and never keeps the agent waiting.

    standard input -> a helper that stays, by its socket, or a service -> standard output

An interpreter that loads numpy and an artifact takes longer than an agent should wait, so the
helper (`tracetier.serve.hooks.helper`) holds them; where it is not running, this starts it, and the
spawn at hand stays as it is. The standard library's lightest parts alone are loaded here. Whatever
goes wrong, and when the time is up, the process ends with code 0 and prints nothing: that is "as
you were" to the agent.
"""

import _thread
import os
import sys
import time

DEADLINE_S = 0.19
"""Seconds from the start of the process to its end, that of the interpreter included."""

RESTART_S = 20.0
"""Seconds before a helper that did not come up is started again."""

MAX_BYTES = 8 * 1024 * 1024
TOKEN_ENV = "TRACETIER_TOKEN"
STOP_SIGN = b'"SubagentStop"'

_CHUNK = 65536
_STARTING_S = 0.06
_LEAST_S = 0.02
_DELIVERY_S = 5.0


def main(argv: list[str]) -> None:
    """Answer the event on standard input, and end the process."""
    is_answered: list[bool] = []
    _thread.start_new_thread(_end_in, (DEADLINE_S - _age_s(), is_answered))
    try:
        event = _read_all(0)
        if STOP_SIGN in event:
            _leave()  # nobody waits for an answer, so there is time to deliver it
        answer = ask(argv, event)
        is_answered.append(True)
        _write_all(1, answer)
    except BaseException:  # noqa: BLE001 - whatever it is, the agent goes on
        pass
    os._exit(0)  # at once: nothing here needs the interpreter's own end


def ask(argv: list[str], event: bytes) -> bytes:
    """Return the answer to an event, empty for "as you were".

    Parameters
    ----------
    argv : list of str
        The command's arguments, see `tracetier.serve.hooks.options`.
    event : bytes
        As the agent wrote it.

    Raises
    ------
    OSError
        If nobody answers.
    """
    url = _value(argv, "--url")
    if url is not None:
        return _ask_service(url, argv, event)
    place = place_of(argv)
    try:
        return _ask_helper(place, event)
    except (FileNotFoundError, ConnectionRefusedError):
        start_helper(place, argv, event)
        return b""


def place_of(argv: list[str]) -> str:
    """Return the path of the socket of the helper for these arguments.

    Its folder is made where it is missing, and belongs to this user alone.

    Raises
    ------
    PermissionError
        If somebody else could write there.
    """
    from zlib import crc32

    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = f"{runtime}/tracetier" if runtime else f"/tmp/tracetier-{os.getuid()}"
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102 - pathlib takes as long to load as all else here
    except FileExistsError:
        found = os.lstat(folder)
        if found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{folder} is not this user's alone") from None
    root = _value(argv, "--root") or os.getcwd()  # noqa: PTH109
    key = "\0".join([root, sys.executable, *argv]).encode("utf-8", "surrogateescape")
    return f"{folder}/{crc32(key):08x}{crc32(key[::-1]):08x}.sock"


def start_helper(place: str, argv: list[str], event: bytes) -> None:
    """Start the helper at its place, and leave it a stop to report.

    A helper that was started a moment ago is waited for by the next event, not started twice.
    """
    mark, letter = f"{place}.started", f"{place}.{os.getpid()}"
    try:
        if time.time() - os.stat(mark).st_mtime < RESTART_S:  # noqa: PTH116
            return
    except FileNotFoundError:
        pass
    file = os.open(mark, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    _write_all(file, " ".join(argv).encode("utf-8", "surrogateescape"))  # for people who look
    os.utime(file)
    os.close(file)
    stdin = "/dev/null"
    if STOP_SIGN in event:
        file = os.open(letter, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        _write_all(file, event)
        os.close(file)
        stdin = letter
    log = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    # Not from the working folder: a project must not be able to put its own modules in the way.
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", "tracetier.serve.hooks.helper", place, *argv],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, f"{place}.log", log, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    if stdin == letter:
        os.unlink(letter)  # noqa: PTH108 - the helper has it open


def _ask_helper(place: str, event: bytes) -> bytes:
    import socket

    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(_DELIVERY_S)
        link.connect(place)
        link.sendall(event)
        link.shutdown(socket.SHUT_WR)
        return _receive(link.recv)


def _ask_service(url: str, argv: list[str], event: bytes) -> bytes:
    """Ask a service by the least of HTTP, since a client for all of it loads too long."""
    import socket

    scheme, _, rest = url.partition("://")
    host, _, base = rest.partition("/")
    name, _, port = host.rpartition(":") if host.rpartition(":")[2].isdigit() else (host, "", "")
    token = os.environ.get(TOKEN_ENV)
    path = f"/{base}".rstrip("/") + "/hooks/claude-code" + _query(argv)
    lines = [
        f"POST {path} HTTP/1.0",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(event)}",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    address = (name.strip("[]"), int(port or (443 if scheme == "https" else 80)))
    with socket.create_connection(address, timeout=_DELIVERY_S) as plain:
        link = plain if scheme == "http" else _secured(plain, name)
        link.sendall("\r\n".join([*lines, "", ""]).encode() + event)
        head, _, body = _receive(link.recv).partition(b"\r\n\r\n")
    is_ok = head.split(b" ", 2)[1:2] == [b"200"]
    return body if is_ok and body.strip() != b"{}" else b""


def _secured(plain: "socket.socket", name: str) -> "socket.socket":
    import ssl

    return ssl.create_default_context().wrap_socket(plain, server_hostname=name)


def _query(argv: list[str]) -> str:
    """Return the options that a service takes, as its address carries them."""
    told = [
        f"{flag[2:].replace('-', '_')}={1 if value is None else value}"
        for flag, value in (
            ("--override", None if "--override" in argv else ""),
            ("--allow", None if "--allow" in argv else ""),
            ("--quality-from", _value(argv, "--quality-from") or ""),
        )
        if value != ""
    ]
    return "?" + "&".join(told) if told else ""


def _value(argv: list[str], flag: str) -> str | None:
    for i, each in enumerate(argv):
        if each == flag and i + 1 < len(argv):
            return argv[i + 1]
        if each.startswith(f"{flag}="):
            return each[len(flag) + 1 :]
    return None


def _leave() -> None:
    """Go on in a process of its own, and end this one, so that the agent goes on too."""
    if os.fork():
        os._exit(0)
    os.setsid()
    nowhere = os.open("/dev/null", os.O_RDWR)
    for file in (0, 1, 2):
        os.dup2(nowhere, file)


def _age_s() -> float:
    """Return the seconds since this process was started, a guess where the system does not tell."""
    try:
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123
            started = int(file.read().rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (AttributeError, IndexError, OSError, ValueError):
        return _STARTING_S
    return age if 0 <= age < 10 else _STARTING_S


def _end_in(seconds: float, is_answered: list[bool]) -> None:
    time.sleep(max(_LEAST_S, seconds))
    if not is_answered:
        os._exit(0)


def _read_all(file: int) -> bytes:
    return _receive(lambda n: os.read(file, n))


def _receive(read: "Callable[[int], bytes]") -> bytes:
    parts: list[bytes] = []
    n = 0
    while n <= MAX_BYTES and (part := read(_CHUNK)):
        parts.append(part)
        n += len(part)
    return b"".join(parts) if n <= MAX_BYTES else b""


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


TYPE_CHECKING = False
if TYPE_CHECKING:  # at the end, and without typing: it takes as long to load as all else here
    import socket
    from collections.abc import Callable
