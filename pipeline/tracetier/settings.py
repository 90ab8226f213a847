"""``tracetier.toml`` < environment < flags, resolved once into one frozen record.

Every setting is one row of `SETTINGS`: the row names its place in the file and its variable, the
field of `Settings` holds its type, range and default. All three sources are checked alike, and a
typo is told, never ignored.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from tracetier.errors import SettingsError, TierError
from tracetier.tiers import Tier, TierSet

CONFIG_FILE = Path("tracetier.toml")
ENV_PREFIX = "TRACETIER_"

StrategyName = Literal["residual", "seed", "seed-warm", "greedy", "thompson"]
Share = Annotated[float, Meta(ge=0, le=1)]
Quality = Annotated[float, Meta(ge=0, le=10)]
Usd = Annotated[float, Meta(gt=0, lt=1e9)]


class Settings(Struct, frozen=True, kw_only=True):
    """All settings, each with where it came from.

    Parameters
    ----------
    tiers : tuple of Tier
        Declared tiers, cheap to dear; empty where they come from the table.
    lam : float
        Weight of cost in ``reward = quality (0-10) - lam * cost (0-1)``, 0 to 1e6.
    strategy : {"residual", "seed", "seed-warm", "greedy", "thompson"}
        How the router learns from feedback; ``seed`` is the published rule started at 0,
        ``seed-warm`` from the model.
    epsilon, alpha : float, optional
        Share of random exploration and step of learning, in [0, 1]; ``None`` takes what the
        strategy itself holds best.
    seed : int
        Seed of every random draw, >= 0.
    folds : int
        Folds of the out-of-fold predictions, 2 to 50.
    n_jobs : int, optional
        Fits at a time, >= 1; ``None`` is one per core.
    store_text : bool
        Whether task texts may be written to decision logs; else a keyed hash.
    redact : tuple of str
        Regular expressions of what ``ingest --redact`` takes out beside the shapes that it knows.
    log_keep_days : float
        Days for which finished parts of the decision log are kept, > 0.
    log_keep_bytes : int
        Bytes of the whole decision log, from 1 MiB; beyond it the oldest finished parts go.
    log_gzip : bool
        Whether finished parts are compressed.
    log_features : bool
        Whether the features of withheld texts are in the decision log, to be trained on.
    max_body_bytes : int
        Bytes that a request to the service may have, 1 KiB to 1 GiB.
    requests_per_s : float, optional
        Requests a second that each worker takes of one caller, > 0; ``None`` is no limit.
    default_model : str, optional
        Model of rows of logs that name neither model nor tier.
    tenant_attr : str
        Attribute of a task that names its tenant.
    budget_usd, budget_usd_per_day : float, optional
        USD to spend per request, or per day, > 0.
    budget_requests : int, optional
        Requests that the budget per request is for, >= 1, where their number is known.
    quality_floor : float, optional
        Mean quality to keep, 0-10.
    saving : float, optional
        Share of the dear tier's cost to save, in [0, 1).
    affinity : bool
        Whether a session keeps its tier.
    switch_cost : bool
        Whether leaving a session's tier must be worth reading its context anew.
    cache_lives_s : float
        Seconds for which a prompt cache is warm, >= 0.
    escalate_after : int, optional
        Failures in a row after which a session goes one tier up, >= 1; ``None`` never.
    escalate_most : int
        Tiers that it goes up at most, >= 1.
    failure_below : float
        Reported quality, 0-10, below which an outcome is a failure.
    incumbent : str, optional
        Tier that is left only on evidence.
    abstain_sd : float
        Standard errors that the lead over the incumbent must exceed, >= 0.
    shadow : bool
        Whether to decide and return the incumbent all the same.
    scores : dict
        What the scores in logs say of quality, by their names, as it stands in the file; `ingest`
        checks it.
    rules, caps : tuple of dict
        The tables [[rule]] and [[cap]] as they stand in the file; the router checks them against
        its tiers.
    upstreams : tuple of dict
        The tables [[upstream]] as they stand in the file; the gateway checks them.
    tier_upstreams : dict of str to object
        What each [[tier]] says of its ``upstream``, by the tier's name.
    gateway : dict
        The section [gateway] as it stands in the file; the gateway checks it.
    sources : dict of str to str
        For each field, where its value came from.
    """

    tiers: tuple[Tier, ...] = ()
    lam: Annotated[float, Meta(ge=0, le=1e6)] = 0.3
    strategy: StrategyName = "residual"
    epsilon: Share | None = None
    alpha: Share | None = None
    seed: Annotated[int, Meta(ge=0)] = 0
    folds: Annotated[int, Meta(ge=2, le=50)] = 5
    n_jobs: Annotated[int, Meta(ge=1)] | None = None
    store_text: bool = False
    redact: tuple[str, ...] = ()
    log_keep_days: Annotated[float, Meta(gt=0, le=36_500)] = 90.0
    log_keep_bytes: Annotated[int, Meta(ge=1 << 20)] = 20 << 30
    log_gzip: bool = False
    log_features: bool = True
    max_body_bytes: Annotated[int, Meta(ge=1024, le=1 << 30)] = 1 << 20
    requests_per_s: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    default_model: str | None = None
    tenant_attr: str = "tenant"
    budget_usd: Usd | None = None
    budget_usd_per_day: Usd | None = None
    budget_requests: Annotated[int, Meta(ge=1)] | None = None
    quality_floor: Quality | None = None
    saving: Annotated[float, Meta(ge=0, lt=1)] | None = None
    affinity: bool = False
    switch_cost: bool = False
    cache_lives_s: Annotated[float, Meta(ge=0)] = 300.0
    escalate_after: Annotated[int, Meta(ge=1)] | None = None
    escalate_most: Annotated[int, Meta(ge=1)] = 2
    failure_below: Quality = 5.0
    incumbent: str | None = None
    abstain_sd: Annotated[float, Meta(ge=0)] = 1.0
    shadow: bool = False
    scores: dict[str, object] = {}
    rules: tuple[dict[str, object], ...] = ()
    caps: tuple[dict[str, object], ...] = ()
    upstreams: tuple[dict[str, object], ...] = ()
    tier_upstreams: dict[str, object] = {}
    gateway: dict[str, object] = {}
    sources: dict[str, str] = {}

    @property
    def given_lam(self) -> float | None:
        """Lambda where a flag, the file or the environment gives it, else ``None``."""
        return None if self.sources.get("lam", "default") == "default" else self.lam

    @property
    def tier_set(self) -> TierSet | None:
        """The declared tiers as a set, ``None`` where none is declared."""
        return TierSet(self.tiers) if self.tiers else None


class SettingSpec(Struct, frozen=True):
    """Where a setting is read from: a key of a section in the file, and a variable."""

    field: str
    section: str
    doc: str

    @property
    def env(self) -> str:
        """Name of the environment variable."""
        return ENV_PREFIX + self.field.upper()


SETTINGS: Final = (
    SettingSpec("lam", "route", "weight of cost (0-1) against quality (0-10) in the reward"),
    SettingSpec(
        "strategy", "route", "how it learns: residual, thompson, seed, seed-warm or greedy"
    ),
    SettingSpec("epsilon", "route", "share of random exploration, 0 to 1"),
    SettingSpec("alpha", "route", "step of learning, 0 to 1"),
    SettingSpec("budget_usd", "budget", "USD to spend per request"),
    SettingSpec("budget_usd_per_day", "budget", "USD to spend per day"),
    SettingSpec("budget_requests", "budget", "requests that budget_usd is for, where known"),
    SettingSpec("quality_floor", "budget", "mean quality to keep, 0 to 10"),
    SettingSpec("saving", "budget", "share of the dear tier's cost to save, 0 to 1"),
    SettingSpec("tenant_attr", "policy", "attribute of a task that names its tenant"),
    SettingSpec("affinity", "session", "a session keeps its tier"),
    SettingSpec("switch_cost", "session", "another tier must be worth reading the context anew"),
    SettingSpec("cache_lives_s", "session", "seconds for which a prompt cache is warm"),
    SettingSpec("escalate_after", "session", "failures in a row that make a session go one up"),
    SettingSpec("escalate_most", "session", "tiers that a session goes up at most"),
    SettingSpec("failure_below", "session", "quality, 0 to 10, below which an outcome failed"),
    SettingSpec("incumbent", "rollout", "tier that is left only on evidence"),
    SettingSpec("abstain_sd", "rollout", "standard errors that a lead over it must exceed"),
    SettingSpec("shadow", "rollout", "decide, and return the incumbent all the same"),
    SettingSpec("seed", "train", "seed of every random draw"),
    SettingSpec("folds", "train", "folds of the out-of-fold predictions"),
    SettingSpec("n_jobs", "train", "fits at a time, one per core where not given"),
    SettingSpec("default_model", "ingest", "model of rows that name neither model nor tier"),
    SettingSpec("store_text", "privacy", "write task texts to decision logs"),
    SettingSpec("redact", "privacy", "list of regular expressions that --redact takes out too"),
    SettingSpec("log_keep_days", "log", "days for which a decision log is kept"),
    SettingSpec("log_keep_bytes", "log", "bytes that a decision log may have"),
    SettingSpec("log_gzip", "log", "compress finished parts of a decision log"),
    SettingSpec("log_features", "log", "write features of withheld texts to decision logs"),
    SettingSpec("max_body_bytes", "serve", "bytes that a request may have"),
    SettingSpec("requests_per_s", "serve", "requests a second of one caller, per worker"),
)
"""Every setting but tiers, scores, rules, caps and the gateway's: only the file declares those."""

_TABLES: Final = {"rule": "rules", "cap": "caps", "upstream": "upstreams"}
"""Tables in double brackets, and the field that holds them as they stand."""

_WHOLE_SECTIONS: Final = ("scores", "gateway")
"""Sections that are kept as they stand."""

_SPECS = {spec.field: spec for spec in SETTINGS}
_SECTIONS = tuple(dict.fromkeys(spec.section for spec in SETTINGS))
_TYPES: dict[str, Any] = {
    field.name: field.type for field in msgspec.structs.fields(Settings)
}  # one Any: a type form has no static type before Python 3.14
_FIELDS = tuple(name for name in _TYPES if name != "sources")
_Layer = dict[str, tuple[object, str]]  # field -> (value, source)


def load_settings(
    path: Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Read the file, then the environment, then the flags; the later wins.

    Parameters
    ----------
    path : Path, optional
        The file; by default ``tracetier.toml`` in the working folder, where it exists.
    env : mapping, optional
        The environment; by default that of the process. An empty variable counts as not set.
    overrides : mapping, optional
        Values by field, as from flags; ``None`` means not given.

    Raises
    ------
    SettingsError
        If a name is unknown, a value is out of its range, or the file cannot be read; the file,
        variable or flag and the key are named.

    Examples
    --------
    >>> settings = load_settings(env={"TRACETIER_LAM": "0.5"}, overrides={"seed": 7})
    >>> settings.lam, settings.seed, settings.sources["lam"], settings.sources["folds"]
    (0.5, 7, 'TRACETIER_LAM', 'default')
    """
    layers: _Layer = {name: (default, "default") for name, default in _defaults().items()}
    if path is not None or CONFIG_FILE.exists():
        layers |= _from_file(path or CONFIG_FILE)
    layers |= _from_env(os.environ if env is None else env)
    layers |= _from_overrides(overrides or {})
    sources = {name: source for name, (_, source) in layers.items()}
    values: dict[str, Any] = {name: value for name, (value, _) in layers.items()}
    return Settings(**values, sources=sources)


def _defaults() -> dict[str, object]:
    blank = Settings()
    return {name: getattr(blank, name) for name in _FIELDS}


def _from_file(path: Path) -> _Layer:
    content, layer = _read_toml(path), _Layer()
    for name, section in content.items():
        if name == "tier":
            layer["tiers"] = (_tiers(section, str(path)), str(path))
            layer["tier_upstreams"] = (_tier_upstreams(section), str(path))
        elif name in _WHOLE_SECTIONS:
            layer[name] = (_section(section, name, str(path)), f"{path} [{name}]")
        elif name in _TABLES:
            layer[_TABLES[name]] = (tuple(_tables(section, name, str(path))), str(path))
        elif name in _SECTIONS:
            layer |= _from_section(section, name, str(path))
        else:
            known = ("tier", *_WHOLE_SECTIONS, *_TABLES, *_SECTIONS)
            raise SettingsError(f"{path}: {_misplaced(name, known)}")
    return layer


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"settings file {str(path)!r} cannot be read: {error.strerror}; give an existing "
            "TOML file"
        ) from error
    except ValueError as error:  # not UTF-8, or not TOML: the text names line and column
        raise SettingsError(f"{path} is not a TOML file: {error}") from error


def _section(section: object, name: str, path: str) -> dict[str, object]:
    if not isinstance(section, dict):
        raise SettingsError(
            f"{path}: {name!r} is {section!r}, expected a section: write [{name}] on a line of its "
            "own and its settings below"
        )
    return section


def _from_section(content: object, name: str, path: str) -> _Layer:
    section = _section(content, name, path)
    known = tuple(spec.field for spec in SETTINGS if spec.section == name)
    for key in section:
        if key not in known:
            raise SettingsError(f"{path}: [{name}] {_misplaced(key, known)}")
    return {
        key: (_checked(key, value, f"{path}: [{name}] {key}"), f"{path} [{name}]")
        for key, value in section.items()
    }


def _tables(entries: object, name: str, where: str) -> list[dict[str, object]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        order = ", cheap to dear" if name == "tier" else ""
        raise SettingsError(
            f"{where}: {name!r} is no list of tables; write one [[{name}]] per {name}, in double "
            f"brackets{order}"
        )
    return entries


def _tiers(entries: object, where: str) -> tuple[Tier, ...]:
    tables = _tables(entries, "tier", where)
    tiers = tuple(_tier(entry, f"{where}: [[tier]] {i + 1}") for i, entry in enumerate(tables))
    try:
        return TierSet(tiers).tiers if tiers else ()
    except TierError as error:
        raise SettingsError(f"{where}: {error}") from error


def _tier_upstreams(entries: object) -> dict[str, object]:
    """Where the models of a tier are served is no matter of the tier, but stands with it."""
    tables = entries if isinstance(entries, list) else []
    return {str(each.get("name")): each["upstream"] for each in tables if "upstream" in each}


def _tier(entry: dict[str, object], where: str) -> Tier:
    known = (*Tier.__struct_fields__, "upstream")
    for key in entry:
        if key not in known:
            raise SettingsError(f"{where}: {_unknown('key', key, known)}")
    try:
        own = {name: value for name, value in entry.items() if name != "upstream"}
        return msgspec.convert(own, Tier)
    except (msgspec.ValidationError, TierError) as error:
        raise SettingsError(f"{where} ({entry.get('name', 'no name')!r}): {error}") from error


def _from_env(env: Mapping[str, str]) -> _Layer:
    by_variable = {spec.env: spec.field for spec in SETTINGS}
    layer = _Layer()
    for variable in sorted(name for name in env if name.startswith(ENV_PREFIX) and env[name]):
        if variable in by_variable:
            field = by_variable[variable]
            layer[field] = (_checked(field, env[variable], variable, is_text=True), variable)
        elif get_close_matches(variable.removeprefix(ENV_PREFIX), _env_keys(), cutoff=0.75):
            # Only what looks like a typo: an orchestrator that runs a service called tracetier
            # sets TRACETIER_PORT, TRACETIER_SERVICE_HOST and more by itself.
            raise SettingsError(_unknown("environment variable", variable, tuple(by_variable)))
    return layer


def _env_keys() -> tuple[str, ...]:
    return tuple(field.upper() for field in _SPECS)


def _from_overrides(overrides: Mapping[str, object]) -> _Layer:
    layer = _Layer()
    for name, value in overrides.items():
        if name not in _SPECS and name != "tiers":
            raise SettingsError(_unknown("setting", name, ("tiers", *_SPECS)))
        if value is not None:
            layer[name] = (_checked(name, value, name), "flag")
    return layer


def _checked(field: str, value: object, where: str, *, is_text: bool = False) -> object:
    try:
        return msgspec.convert(value, _TYPES[field], strict=not is_text)
    except (msgspec.ValidationError, TierError) as error:
        choices = f" ({_SPECS[field].doc})" if field in _SPECS else ""
        raise SettingsError(f"{where} is {value!r}: {error}{choices}") from error


def _misplaced(name: str, known: tuple[str, ...]) -> str:
    spec = _SPECS.get(name)
    if spec is not None:
        return f"{name!r} belongs under [{spec.section}]"
    return _unknown("section or key", name, known)


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    known = tuple(known)
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
    return f"unknown {kind} {name!r}{hint}"
