"""What callers give, made sure of before anything is read: a slip is told in a sentence."""

from numbers import Integral, Real
from os import PathLike
from pathlib import Path

from tracetier.artifact import Artifact, load_artifact
from tracetier.errors import ArtifactError, SettingsError, TableError
from tracetier.route.router import checked_lam


def opened_artifact(artifact: Artifact | str | PathLike[str]) -> Artifact:
    """Return the artifact itself, or load it from its path.

    Raises
    ------
    ArtifactError
        If it is neither an artifact nor a path, or the path holds no sound artifact.
    """
    if isinstance(artifact, str | PathLike):
        return load_artifact(Path(artifact))
    if not isinstance(artifact, Artifact):
        raise ArtifactError(
            f"artifact is a {type(artifact).__name__}, expected the path of an artifact, or one "
            "that `load_artifact` or `train` returned"
        )
    return artifact


def table_path(table: str | PathLike[str]) -> Path:
    """Return the path of a feature table.

    Raises
    ------
    TableError
        If it is no path.
    """
    if not isinstance(table, str | PathLike):
        raise TableError(
            f"table is a {type(table).__name__}, expected the path of a feature table; write the "
            "rows to a file and `ingest` it"
        )
    return Path(table)


def lam_given(lam: float | None) -> float | None:
    """Return lambda as a finite number of at least 0, or ``None``.

    Raises
    ------
    SettingsError
        If it is anything else.
    """
    if lam is None:
        return None
    if isinstance(lam, bool) or not isinstance(lam, Real):
        raise SettingsError(f"lam is {lam!r}, expected a number, or None for the artifact's own")
    return checked_lam(float(lam))


def whole_number(name: str, value: int, *, least: int) -> int:
    """Return a whole number that is large enough.

    Raises
    ------
    SettingsError
        If it is none, or too small.

    Examples
    --------
    >>> whole_number("seed", 3, least=0)
    3
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise SettingsError(f"{name} is {value!r}, expected a whole number")
    if value < least:
        raise SettingsError(f"{name} is {value}, must be at least {least}")
    return int(value)
