"""Learn from agent traces which model tier each task needs, prove the saving, and route live.

>>> import tracetier as tt
>>> tt.Task(text="Rename foo to bar.", task_type="code_edit").task_type
'code_edit'

Importing the package loads next to nothing: the verbs import what they need when they are called,
records, settings, tiers and the router when they are first looked up. A hook starts within an
agent's patience.
"""

from typing import TYPE_CHECKING, Any

# The verbs share their names with packages. A package binds its name when it is loaded for the
# first time, so they are loaded here, before the verbs take the names for good.
import tracetier.evaluate
import tracetier.ingest
import tracetier.train  # noqa: F401 - for its name alone
from tracetier.api import compare, evaluate, ingest, replay, train
from tracetier.errors import (
    ArtifactError,
    CapError,
    FeedbackError,
    FormatError,
    InputError,
    LeakageError,
    PolicyError,
    RecordError,
    ServiceError,
    SettingsError,
    StateError,
    StorageError,
    TableError,
    TierError,
    TracetierError,
    TrainingError,
    WorkError,
)

if TYPE_CHECKING:
    from tracetier.artifact.load import load_artifact
    from tracetier.client.client import AsyncClient, Client
    from tracetier.records import Decision, Feedback, Invocation, Task, TierScore
    from tracetier.route.router import Router
    from tracetier.settings import Settings, load_settings
    from tracetier.tiers import Tier, TierSet

__version__ = "0.1.0"

__all__ = [
    "ArtifactError",
    "AsyncClient",
    "CapError",
    "Client",
    "Decision",
    "Feedback",
    "FeedbackError",
    "FormatError",
    "InputError",
    "Invocation",
    "LeakageError",
    "PolicyError",
    "RecordError",
    "Router",
    "ServiceError",
    "Settings",
    "SettingsError",
    "StateError",
    "StorageError",
    "TableError",
    "Task",
    "Tier",
    "TierError",
    "TierScore",
    "TierSet",
    "TracetierError",
    "TrainingError",
    "WorkError",
    "compare",
    "evaluate",
    "ingest",
    "load_artifact",
    "load_settings",
    "replay",
    "train",
]

_HOMES = {
    "tracetier.artifact.load": ("load_artifact",),
    "tracetier.client.client": ("AsyncClient", "Client"),
    "tracetier.records": ("Decision", "Feedback", "Invocation", "Task", "TierScore"),
    "tracetier.route.router": ("Router",),
    "tracetier.settings": ("Settings", "load_settings"),
    "tracetier.tiers": ("Tier", "TierSet"),
}
_LAZY = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:  # Any: the type is that of the object looked up
    if name not in _LAZY:
        raise AttributeError(f"module 'tracetier' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
