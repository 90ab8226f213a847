"""A state in Redis or Valkey, shared by the processes of many hosts.

Three keys: a hash with the document and the places that it and the log stand at, a list with the
log's events, and a hash with what was kept. A call is one script that runs on the server, so it is
done whole or not at all, and an append brings back what others appended: one round trip for a
report.

How durable that is, is the server's to say: with ``appendonly yes`` and ``appendfsync always``
what was appended survives a crash of the server, by default up to a second of it may be lost.
"""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha1
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from tracetier.errors import StateError, StorageError
from tracetier.route.event import Event, decode_event, encode_event
from tracetier.route.state.mark import Mark, Page, Stored

PASSWORD = "TRACETIER_REDIS_PASSWORD"
"""Environment variable with the password, where the URL has none."""

_KEPT_EVENTS = 10_000
"""Events left in the log before the document, for readers that are a little behind."""

_TIMEOUT_S = 5.0

# KEYS: head, log. ARGV: epoch, position, event... Answers where the document stands, and after it
# what others appended: a number, or {number, event...}; or {"elsewhere"}, {"behind"},
# {"behind", epoch, end}. The events are pushed first, since the answer to that says how many there
# were; where they should not have been, they are taken away again.
_APPEND = """
local head = redis.call('HMGET', KEYS[1], 'epoch', 'base', 'folded')
if not head[1] then return {'behind'} end
local base, after, n_own = tonumber(head[2]), tonumber(ARGV[2]), #ARGV - 2
if head[1] ~= ARGV[1] or after < base then return {'elsewhere'} end
local n
if n_own == 0 then
  n = redis.call('LLEN', KEYS[2])
elseif n_own == 1 then
  n = redis.call('RPUSH', KEYS[2], ARGV[3]) - 1
else
  for i = 3, #ARGV, 1000 do
    n = redis.call('RPUSH', KEYS[2], unpack(ARGV, i, math.min(i + 999, #ARGV)))
  end
  n = n - n_own
end
if after == base + n then return tonumber(head[3]) end
if after > base + n then
  if n_own > 0 then redis.call('LTRIM', KEYS[2], 0, -1 - n_own) end
  return {'behind', head[1], base + n}
end
local page = redis.call('LRANGE', KEYS[2], after - base, n - 1)
table.insert(page, 1, tonumber(head[3]))
return page
"""

# KEYS: head, log. ARGV: epoch, position, events to leave before it, document.
_COMPACT = """
local epoch, base, folded = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'base', 'folded'))
local position = tonumber(ARGV[2])
if epoch ~= ARGV[1] or tonumber(folded) >= position then return 0 end
base = tonumber(base)
local first = math.max(base, position - tonumber(ARGV[3]))
redis.call('LTRIM', KEYS[2], first - base, -1)
redis.call('HSET', KEYS[1], 'base', first, 'folded', ARGV[2], 'document', ARGV[4])
return 1
"""

# KEYS: head, log. ARGV: "any", "none" or the expected epoch; expected end; epoch, position,
# document.
_REPLACE = """
local epoch, base = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'base'))
if ARGV[1] ~= 'any' then
  if epoch then
    local last = tonumber(base) + redis.call('LLEN', KEYS[2])
    if ARGV[1] ~= 'is ' .. epoch or last ~= tonumber(ARGV[2]) then return 0 end
  elseif ARGV[1] ~= 'none' then
    return 0
  end
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'layout', 1, 'epoch', ARGV[3], 'base', ARGV[4], 'folded', ARGV[4],
  'document', ARGV[5])
return 1
"""

# KEYS: head, log. Answers nothing, or {layout, epoch, folded, document, event...}.
_LOAD = """
local layout, epoch, base, folded, document = unpack(
  redis.call('HMGET', KEYS[1], 'layout', 'epoch', 'base', 'folded', 'document'))
if not epoch then return {} end
local all = {layout, epoch, folded, document}
for i, event in ipairs(redis.call('LRANGE', KEYS[2], tonumber(folded) - tonumber(base), -1)) do
  all[i + 4] = event
end
return all
"""

_SHA1 = {
    script: sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (_APPEND, _COMPACT, _REPLACE, _LOAD)
}
"""What the server calls a script that it has seen before."""

LAYOUT = 1
"""Number of the layout of the keys."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class RedisStore:
    """Keeps the state in a Redis or Valkey server.

    Parameters
    ----------
    url : str
        ``redis://host:port/db``, ``rediss://`` for TLS, or ``unix:///socket?db=0``; user and
        password may stand in it, or the password in the environment. ``?state=NAME`` keeps
        several states in one database.
    """

    is_durable = True
    compact_every = 10_000
    _connection: Any = None

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        state = query.pop("state", "default")
        if not _NAME.fullmatch(state):
            raise StateError(
                f"state name {state!r} must be 1 to 64 letters, digits, '.', '_' or '-'"
            )
        host = parts.netloc.rpartition("@")[2]
        shown = f"{parts.scheme}://{host}{parts.path}"
        self.name = f"state {shown!r} (name {state!r})"
        self._url = f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(query)}"
        self._password = None if parts.password else os.environ.get(PASSWORD)
        # Braces: a cluster keeps keys with the same text in them on one node.
        self._keys = [f"tracetier:{{{state}}}:{part}" for part in ("head", "log")]
        self._kept_key = f"tracetier:{{{state}}}:kept"
        self._failures: tuple[type[Exception], ...] = ()
        self._no_script: tuple[type[Exception], ...] = ()

    def load(self) -> Stored | None:
        """Return everything, ``None`` if there is no state."""
        answer = self._run(_LOAD)
        if not answer:
            return None
        layout, epoch, folded, document, *events = answer
        if int(layout) != LAYOUT:
            raise StateError(
                f"{self.name} has layout {int(layout)}, of a newer version of tracetier; this one "
                f"reads layout {LAYOUT}: upgrade tracetier, or use another state. It was left as "
                "it is"
            )
        decoded = [decode_event(event, where=self.name) for event in events]
        return Stored(document, Mark(epoch.decode(), int(folded)), decoded)

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        """Append all the events or none; return what others had appended since ``mark``."""
        answer = self._run(_APPEND, *mark, *map(encode_event, events))
        if isinstance(answer, int):
            return Page((), answer)
        kind, *rest = answer
        if kind == b"elsewhere":
            return Page(is_elsewhere=True)
        if kind == b"behind":
            found = Mark(rest[0].decode(), int(rest[1])) if rest else None
            return Page(is_behind=True, found=found)
        return Page([decode_event(event, where=self.name) for event in rest], kind)

    def read(self, mark: Mark) -> Page:
        """Return what others have appended since ``mark``."""
        return self.append((), mark)

    def compact(
        self, document: bytes, mark: Mark, pause: Callable[[], object] | None = None
    ) -> None:
        """Put the document in place of the log up to ``mark``, but for the last events."""
        self._run(_COMPACT, *mark, _KEPT_EVENTS, document)

    def replace(
        self, document: bytes, mark: Mark, *, expected: Mark | Literal["any"] | None
    ) -> bool:
        """Put a document in place of everything, unless the log's end is not ``expected``."""
        if isinstance(expected, Mark):
            wanted: tuple[str, int] = (f"is {expected.epoch}", expected.position)
        else:
            wanted = ("none" if expected is None else "any", 0)
        return bool(self._run(_REPLACE, *wanted, *mark, document))

    def keep(self, name: str, document: bytes) -> None:
        """Keep a document under a name, beside the state."""
        self._ask("HSET", self._kept_key, name, document)

    def kept(self) -> dict[str, bytes]:
        """Return the documents that were kept, by name."""
        found = self._ask("HGETALL", self._kept_key)
        if not isinstance(found, dict):  # as the older of the two protocols answers
            found = dict(zip(found[::2], found[1::2], strict=True))
        return {name.decode(): document for name, document in sorted(found.items())}

    def close(self) -> None:
        """Close the connection; a later call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.disconnect()

    def _run(self, script: str, *args: str | int | bytes) -> Any:  # Any: the answers of a server
        """Run a script; where the server does not know it by its name, send the script itself.

        By the connection itself, and packed here: through a client and its pool a call takes twice
        as long.
        """
        connection = self._connected()
        rest = [2, *self._keys, *args]
        try:
            connection.send_packed_command([_packed("EVALSHA", _SHA1[script], *rest)])
            try:
                return connection.read_response()
            except self._no_script:
                connection.send_packed_command([_packed("EVAL", script, *rest)])
                return connection.read_response()
        except self._failures as error:
            connection.disconnect()  # an answer that comes late must not be taken for the next
            raise self._told(error) from error

    def _ask(self, *command: str | bytes) -> Any:
        connection = self._connected()
        try:
            connection.send_packed_command([_packed(*command)])
            return connection.read_response()
        except self._failures as error:
            connection.disconnect()
            raise self._told(error) from error

    def _connected(self) -> Any:  # Any: the library is loaded only here
        if self._connection is not None:
            return self._connection
        try:
            import redis
        except ImportError as error:
            raise StateError(
                f"{self.name} needs the package redis; install tracetier[redis]"
            ) from error
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._failures = (redis.RedisError, OSError)
        self._no_script = (redis.exceptions.NoScriptError,)
        try:
            pool = redis.ConnectionPool.from_url(
                self._url,
                password=self._password,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                # A call that failed may have been done: whoever calls looks before trying again.
                retry=Retry(NoBackoff(), 0),
            )
            self._connection = pool.make_connection()
        except self._failures as error:
            raise self._told(error) from error
        except (ValueError, TypeError) as error:
            raise StateError(
                f"{self.name} cannot be opened: {type(error).__name__} in the URL; expected "
                "redis://host:port/db, rediss://host:port/db or unix:///socket?db=0"
            ) from None
        return self._connection

    def _told(self, error: Exception) -> StorageError:
        self._forget_frames(error)
        text = str(error)
        for secret in (self._password, urlsplit(self._url).password):
            if secret:
                text = text.replace(secret, "***")
        return StorageError(
            f"{self.name} does not answer as it should: {type(error).__name__}: {text}; see that "
            "the server runs and takes the password, then try again"
        )

    @staticmethod
    def _forget_frames(error: BaseException | None) -> None:
        """Let go of the frames that a failure of the library came by.

        It keeps errors in its own frames, and those keep ours: in a circle, until a collection.
        """
        while error is not None:
            error.__traceback__ = None
            error = error.__context__

    def __del__(self) -> None:
        self.close()


def _packed(*words: str | int | bytes) -> bytes:
    r"""Return a command as it goes over the wire: the number of words, then each with its length.

    Examples
    --------
    >>> _packed("GET", b"key")
    b'*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n'
    """
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)
