"""Redis: what is its own, beside what every store promises."""

import gc
import weakref
from typing import TYPE_CHECKING

import msgspec
import pytest

from tracetier.errors import StateError, StorageError
from tracetier.route.event import Reported
from tracetier.route.state.mark import Mark
from tracetier.route.state.redis import PASSWORD, RedisStore

if TYPE_CHECKING:
    from tests.route.state.conftest import RedisServer

START = Mark("e", 0)
EVENT = Reported("d", None, 1.0, 0.0)


def _document(mark: Mark = START) -> bytes:
    return msgspec.json.encode({"format": 2, "epoch": mark.epoch, "position": mark.position})


def test_a_password_is_told_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither that of the URL nor that of the environment, in the name or in an error."""
    monkeypatch.setenv(PASSWORD, "from-the-environment")
    pytest.importorskip("redis")
    for url in ("redis://me:s3cret@127.0.0.1:1/0", "redis://127.0.0.1:1/0?state=prod"):
        store = RedisStore(url)
        assert "127.0.0.1:1/0" in store.name
        with pytest.raises(StorageError, match="does not answer as it should") as caught:
            store.load()
        for told in (store.name, str(caught.value)):
            assert "s3cret" not in told
            assert "from-the-environment" not in told


def test_a_refusal_leaves_nothing_for_the_collector() -> None:
    """The library keeps errors in its frames, and its frames those of who called."""
    pytest.importorskip("redis")
    store = RedisStore("redis://127.0.0.1:1/0")

    class Called:
        """Stands in the frame of who called."""

    def ask() -> "weakref.ref[Called]":
        called = Called()
        with pytest.raises(StorageError):
            store.read(START)
        return weakref.ref(called)

    gc.collect()
    gc.disable()
    try:
        held = [each() is not None for each in [ask() for _ in range(3)]]
    finally:
        gc.enable()

    assert not any(held)


def test_the_password_of_the_environment_is_used(
    own_redis_server: "RedisServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the URL has none; a wrong one is refused by the server, without saying it."""
    admin = RedisStore(own_redis_server.url("a"))
    admin._ask("CONFIG", "SET", "requirepass", "s3cret")
    admin.close()
    monkeypatch.setenv(PASSWORD, "s3cret")
    assert RedisStore(own_redis_server.url("a")).load() is None

    monkeypatch.setenv(PASSWORD, "wr0ng")
    with pytest.raises(StorageError, match="takes the password") as caught:
        RedisStore(own_redis_server.url("a")).load()
    assert "wr0ng" not in str(caught.value)


def test_several_states_share_a_database(redis_server: "RedisServer") -> None:
    """By their names; none sees the other's events."""
    one, other = (RedisStore(redis_server.url(f"share-{name}")) for name in "ab")
    for store in (one, other):
        store.replace(_document(), START, expected="any")
    one.append([EVENT], START)

    assert not other.read(START).events
    with pytest.raises(StateError, match="state name 'a/b' must be 1 to 64 letters"):
        RedisStore("redis://h/0?state=a/b")


def test_a_report_is_one_call(redis_server: "RedisServer") -> None:
    """With what others appended in its answer."""
    one, other = (RedisStore(redis_server.url("one-call")) for _ in range(2))
    one.replace(_document(), START, expected="any")
    one.append([EVENT], START)
    other.append([], START)
    before = _n_scripts(other)

    page = other.append([EVENT], START)

    assert len(page.events) == 1
    assert _n_scripts(other) == before + 1


def _n_scripts(store: RedisStore) -> int:
    lines = store._ask("INFO", "commandstats").decode().splitlines()
    (line,) = (line for line in lines if line.startswith("cmdstat_evalsha:"))
    return int(line.partition("calls=")[2].partition(",")[0])


def test_thousands_of_events_go_in_one_append(redis_server: "RedisServer") -> None:
    """More than a script's stack holds; in their order."""
    store = RedisStore(redis_server.url("many"))
    store.replace(_document(), START, expected="any")
    events = [Reported("d", None, float(number), 0.0) for number in range(20_000)]

    assert not store.append(events, START).events
    assert list(store.read(START).events) == events


def test_a_server_that_forgot_the_scripts_is_told_them_again(redis_server: "RedisServer") -> None:
    """As after a restart or a fail-over."""
    store = RedisStore(redis_server.url("forgot"))
    store.replace(_document(), START, expected="any")
    store._ask("SCRIPT", "FLUSH")

    store.append([EVENT], START)

    assert list(store.read(START).events) == [EVENT]


def test_a_later_layout_is_refused_by_its_number(redis_server: "RedisServer") -> None:
    """Before anything is read of it."""
    store = RedisStore(redis_server.url("later"))
    store.replace(_document(), START, expected="any")
    store._ask("HSET", store._keys[0], "layout", "9")

    with pytest.raises(StateError, match=r"has layout 9, of a newer version.*reads layout 1"):
        store.load()


@pytest.mark.parametrize("url", ["redis://h:port/0", "redis://h/0?nonsense=1"])
def test_a_url_that_cannot_be_is_told(url: str) -> None:
    """Without repeating it: it may hold a password."""
    pytest.importorskip("redis")
    with pytest.raises(StateError, match="expected redis://host:port/db"):
        RedisStore(url).load()
