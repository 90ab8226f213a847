"""``tracetier.toml`` < environment < flags, resolved once; the later wins."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from tracetier.errors import SettingsError
from tracetier.settings.layer import Layer, checked_value, unknown_name
from tracetier.settings.record import Settings
from tracetier.settings.specs import ENV_PREFIX, SETTINGS, SPECS
from tracetier.settings.toml_file import read_settings_file

CONFIG_FILE: Final = Path("tracetier.toml")


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
    layers: Layer = {name: (default, "default") for name, default in _defaults().items()}
    if path is not None or CONFIG_FILE.exists():
        layers |= read_settings_file(path or CONFIG_FILE)
    layers |= _from_env(os.environ if env is None else env)
    layers |= _from_overrides(overrides or {})
    sources = {name: source for name, (_, source) in layers.items()}
    values: dict[str, Any] = {name: value for name, (value, _) in layers.items()}
    return Settings(**values, sources=sources)


def _defaults() -> dict[str, object]:
    blank = Settings()
    return {name: getattr(blank, name) for name in Settings.__struct_fields__ if name != "sources"}


def _from_env(env: Mapping[str, str]) -> Layer:
    by_variable = {spec.env: spec.field for spec in SETTINGS}
    layer = Layer()
    for variable in sorted(name for name in env if name.startswith(ENV_PREFIX) and env[name]):
        if variable in by_variable:
            field = by_variable[variable]
            layer[field] = (checked_value(field, env[variable], variable, is_text=True), variable)
        elif get_close_matches(variable.removeprefix(ENV_PREFIX), _env_keys(), cutoff=0.75):
            # Only what looks like a typo: an orchestrator that runs a service called tracetier
            # sets TRACETIER_PORT, TRACETIER_SERVICE_HOST and more by itself.
            raise SettingsError(unknown_name("environment variable", variable, tuple(by_variable)))
    return layer


def _env_keys() -> tuple[str, ...]:
    return tuple(field.upper() for field in SPECS)


def _from_overrides(overrides: Mapping[str, object]) -> Layer:
    layer = Layer()
    for name, value in overrides.items():
        if name not in SPECS and name != "tiers":
            raise SettingsError(unknown_name("setting", name, ("tiers", *SPECS)))
        if value is not None:
            layer[name] = (checked_value(name, value, name), "flag")
    return layer
