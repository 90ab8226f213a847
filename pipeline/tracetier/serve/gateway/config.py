"""What the gateway goes by: upstreams, tiers and habits, from ``tracetier.toml``, checked once.

    [[upstream]]                       [[tier]]
    name = "anthropic"                 name = "haiku"
    api = "anthropic"                  model = "claude-haiku-4-5"
    base_url = "https://..."           upstream = "anthropic"
    key_env = "ANTHROPIC_API_KEY"

A key is named by its variable and read from the environment; it stands in no file, log or answer.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from tracetier.errors import SettingsError, TierError
from tracetier.serve.gateway.proxies import read_weights
from tracetier.settings import Settings
from tracetier.tiers import Tier, TierSet

Api = Literal["openai", "anthropic"]

MAX_BODY_BYTES: Final = 32 << 20
"""Bytes that a request to the gateway may have."""

_FORM: Final = "[[upstream]]"


class Upstream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server that models are behind.

    Parameters
    ----------
    name : str
    api : {"openai", "anthropic"}
        Which of the two protocols it speaks.
    base_url : str
        As the provider's own client takes it: with ``/v1`` for OpenAI's, without for Anthropic's.
    key_env : str, optional
        Environment variable that holds the key; a server of one's own may need none.
    timeout_s : float
        Seconds to wait for the answer to begin, and then between two pieces of it.
    models : tuple of str
        Names or patterns of models that it serves beside those of the tiers.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    api: Api
    base_url: str
    key_env: str | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 300.0
    models: tuple[str, ...] = ()


class Habits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section [gateway].

    Parameters
    ----------
    tries : int
        Tiers that are tried for a request at most, 1 to 10.
    fallback_tier : str, optional
        Taken where the routing itself fails; by default the dearest that can be reached.
    ask_usage : bool
        Whether to ask streams of OpenAI's protocol for their usage where the client did not. The
        client then gets one chunk more than it asked for.
    proxies : dict of str to float
        Implicit signs of trouble that count as outcomes, each with its weight; by default none.
    proxy_after_s : float
        Seconds that an explicit report is waited for before a sign counts.
    retry_within_s : float
        Seconds within which the same request again is a retry.
    """

    tries: Annotated[int, Meta(ge=1, le=10)] = 3
    fallback_tier: str | None = None
    ask_usage: bool = False
    proxies: dict[str, float] = {}
    proxy_after_s: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    retry_within_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0


class Place(Struct, frozen=True):
    """A tier at an upstream: where to send a request, and the model to name there."""

    tier: str
    model: str
    upstream: Upstream


class GatewayConfig(Struct, frozen=True, kw_only=True):
    """All that the gateway goes by.

    ``by_name`` holds the declared tiers, ``places`` maps API and tier to where the tier is served,
    ``keys`` upstreams to their keys, which its ``repr`` leaves out.
    """

    upstreams: dict[str, Upstream]
    by_name: dict[str, Tier]
    places: dict[Api, dict[str, Place]]
    tiers: TierSet | None
    habits: Habits
    keys: dict[str, str]

    def __repr__(self) -> str:
        names = ", ".join(self.upstreams)
        return f"GatewayConfig(upstreams=[{names}], habits={self.habits!r})"

    def tier(self, name: str) -> Tier | None:
        """Return a declared tier."""
        return self.by_name.get(name)

    def declared(self, api: Api, model: str) -> Place | None:
        """Return where a model is served that a client names itself, ``None`` where nowhere.

        A tier that declares it comes first, then an upstream; the name is sent as it was given.
        """
        name = self.tiers.match(model) if self.tiers is not None else None
        place = self.places[api].get(name) if name is not None else None
        if place is not None:
            return Place(place.tier, model, place.upstream)
        for upstream in self.upstreams.values():
            if upstream.api == api and any(fnmatchcase(model, each) for each in upstream.models):
                return Place("", model, upstream)
        return None


def read_config(settings: Settings, *, env: Mapping[str, str] | None = None) -> GatewayConfig:
    """Return what the settings say of the gateway.

    Raises
    ------
    SettingsError
        For an upstream, tier or habit that cannot be right, or a key whose variable is not set.

    Examples
    --------
    >>> settings = Settings(
    ...     tiers=(Tier(name="low", model="small-1"),),
    ...     tier_upstreams={"low": "local"},
    ...     upstreams=({"name": "local", "api": "openai", "base_url": "http://127.0.0.1:9/v1"},))
    >>> read_config(settings, env={}).places["openai"]["low"].model
    'small-1'
    """
    env = os.environ if env is None else env
    upstreams: dict[str, Upstream] = {}
    for i, table in enumerate(settings.upstreams):
        upstream = _upstream(table, f"{_FORM} {i + 1}")
        if upstream.name in upstreams:
            raise SettingsError(f"{_FORM} name {upstream.name!r} is given twice; names must differ")
        upstreams[upstream.name] = upstream
    tiers = settings.tier_set
    habits = _habits(settings.gateway, tiers)
    places: dict[Api, dict[str, Place]] = {"openai": {}, "anthropic": {}}
    for tier, given in settings.tier_upstreams.items():
        for name in _names(tier, given):
            place = _place(tier, name, upstreams, tiers)
            places[place.upstream.api].setdefault(tier, place)
    return GatewayConfig(
        upstreams=upstreams,
        by_name={tier.name: tier for tier in settings.tiers},
        places=places,
        tiers=tiers,
        habits=habits,
        keys={each.name: _key(each, env) for each in upstreams.values() if each.key_env},
    )


def _upstream(table: Mapping[str, object], where: str) -> Upstream:
    try:
        found = msgspec.convert(table, Upstream)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{where} ({table.get('name', 'no name')!r}): {error}; known are "
            f"{', '.join(Upstream.__struct_fields__)}"
        ) from error
    return msgspec.structs.replace(found, base_url=_checked_url(found))


def _checked_url(upstream: Upstream) -> str:
    where = f"{_FORM} {upstream.name!r}: base_url"
    try:
        parts = urlsplit(upstream.base_url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_whole, parts = False, urlsplit("")
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"{where} holds a user or password; name a variable by key_env instead")
    if not is_whole or parts.query or parts.fragment:
        raise SettingsError(
            f"{where} is {upstream.base_url!r}, expected http:// or https://, a host and a path, "
            "such as https://api.openai.com/v1 or https://api.anthropic.com"
        )
    return upstream.base_url.rstrip("/")


def _key(upstream: Upstream, env: Mapping[str, str]) -> str:
    key = env.get(upstream.key_env or "", "").strip()
    if not key:
        raise SettingsError(
            f"{_FORM} {upstream.name!r} takes its key from the environment variable "
            f"{upstream.key_env}, which is not set; set it, or leave key_env out where no key is "
            "needed"
        )
    if not key.isascii() or not key.isprintable():
        raise SettingsError(
            f"the environment variable {upstream.key_env} holds more than a key: characters that "
            "no header may have"
        )
    return key


def _names(tier: str, given: object) -> list[str]:
    found = given if isinstance(given, list) else [given]
    names = [name for name in found if isinstance(name, str)]
    if not names or len(names) < len(found):
        raise SettingsError(
            f"[[tier]] {tier!r}: upstream is {given!r}, expected the name of an {_FORM}, or a list "
            "of them, one for each API"
        )
    return names


def _place(tier: str, name: str, upstreams: Mapping[str, Upstream], tiers: TierSet | None) -> Place:
    if name not in upstreams:
        near = get_close_matches(name, upstreams, n=1)
        known = ", ".join(upstreams) or f"none; declare it as {_FORM}"
        hint = f"did you mean {near[0]!r}?" if near else f"declared are {known}"
        raise SettingsError(f"[[tier]] {tier!r}: upstream {name!r} is not declared; {hint}")
    model = tiers.model_of(tier) if tiers is not None else None
    if model is None:
        raise SettingsError(
            f"[[tier]] {tier!r} has an upstream but names no model; give it model = ..., the name "
            "that the upstream knows"
        )
    return Place(tier, model, upstreams[name])


def _habits(section: Mapping[str, object], tiers: TierSet | None) -> Habits:
    try:
        habits = msgspec.convert(section, Habits)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"[gateway]: {error}; known are {', '.join(Habits.__struct_fields__)}"
        ) from error
    read_weights(habits.proxies)
    if habits.fallback_tier is not None:
        try:
            _ = tiers is not None and tiers.index(habits.fallback_tier)
        except TierError as error:
            raise SettingsError(f"[gateway] fallback_tier: {error}") from error
    return habits
