"""One tree of errors.

A message names what was given, what was expected, where, and the mend.

::

    TracetierError
    ├── InputError                the user's input is wrong (exit code 2)
    │   ├── SettingsError         tracetier.toml, environment or flags
    │   ├── FormatError           not a format that we know
    │   ├── RecordError           a known format, but this record is broken
    │   ├── TableError            a feature table that cannot be used
    │   ├── LeakageError          a feature known only after the decision
    │   ├── TierError             a tier that is not declared
    │   ├── PolicyError           rules that leave no tier for a task
    │   ├── ArtifactError         an artifact that is damaged, foreign or too new
    │   ├── StateError            a state that is damaged, foreign or too new
    │   └── FeedbackError         feedback that no decision waits for, or out of range
    └── WorkError                 the input was good, the work failed (exit code 1)
        ├── TrainingError         nothing could be learned from these rows
        ├── CapError              a cap is reached, and the settings say to refuse
        ├── StorageError          the disk or the store refused
        └── ServiceError          a service cannot be reached, or failed
"""


class TracetierError(Exception):
    """Base of every error that this package raises on purpose.

    Where a service answered with it, ``field`` names what was wrong of the request and ``mend``
    what to do.
    """

    exit_code = 1
    field: str | None = None
    mend: str | None = None


class InputError(TracetierError):
    """The user's input is wrong."""

    exit_code = 2


class SettingsError(InputError):
    """A setting in ``tracetier.toml``, the environment or a flag is wrong."""


class FormatError(InputError):
    """The file is in no format that is known."""


class RecordError(InputError):
    """The format is known, but this record cannot be read."""


class TableError(InputError):
    """The feature table cannot be used for what was asked."""


class LeakageError(InputError):
    """A feature would be known only after the decision."""


class TierError(InputError):
    """A tier is named that the tier set does not hold."""


class PolicyError(InputError):
    """The rules above the learner leave no tier for a task."""


class ArtifactError(InputError):
    """The artifact is damaged, foreign, or of a future format."""


class StateError(InputError):
    """The learner's state is damaged, of another artifact, or of a future format."""


class FeedbackError(InputError):
    """The feedback fits no pending decision, or a value is out of its range."""


class WorkError(TracetierError):
    """The input was good, but the work failed."""


class TrainingError(WorkError):
    """Nothing could be learned from the rows at hand."""


class CapError(WorkError):
    """A hard cap is reached, and the settings say to refuse rather than to take the cheapest."""


class StorageError(WorkError):
    """The disk or the store refused to keep what was given."""


class ServiceError(WorkError):
    """A service cannot be reached, or failed on what was asked."""
