"""``tracetier.toml`` < environment < flags, resolved once into one frozen record.

Every setting is one row of `SETTINGS`: the row names its place in the file and its variable, the
field of `Settings` holds its type, range and default. All three sources are checked alike, and a
typo is told, never ignored.
"""

from tracetier.settings.load import CONFIG_FILE, load_settings
from tracetier.settings.record import Settings, StrategyName
from tracetier.settings.specs import SETTINGS

__all__ = ["CONFIG_FILE", "SETTINGS", "Settings", "StrategyName", "load_settings"]
