"""The user's score map as it stands in a file, checked."""

import json
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import msgspec

from tracetier.errors import SettingsError
from tracetier.ingest.assemble.score_map import ScoreMap, ScoreRule
from tracetier.ingest.files import PathLike


def read_score_map(path: PathLike) -> ScoreMap:
    """Read a TOML or JSON file: a table per score, by itself or within ``scores``.

    Raises
    ------
    SettingsError
        If it cannot be read, or says something that is not understood.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"score map {str(path)!r} cannot be read: {error.strerror}; give an existing file"
        ) from error
    try:
        is_json = raw.lstrip().startswith(b"{")
        content = json.loads(raw) if is_json else tomllib.loads(raw.decode())
    except ValueError as error:
        raise SettingsError(f"score map {path} is neither TOML nor JSON: {error}") from error
    inner = content.get("scores")
    if isinstance(inner, dict) and "better" not in inner:
        content = inner
    return score_map(content, str(path))


def score_map(content: Mapping[str, object], where: str) -> ScoreMap:
    """Check a map as it stands in a file.

    Examples
    --------
    >>> score_map({"correctness": {"beter": "high"}}, "scores.toml")
    Traceback (most recent call last):
    tracetier.errors.SettingsError: scores.toml: score 'correctness': unknown key 'beter'; did ...
    """
    return ScoreMap({name: _rule(name, rule, where) for name, rule in content.items()})


def _rule(name: str, content: object, where: str) -> ScoreRule:
    at = f"{where}: score {name!r}"
    if not isinstance(content, dict):
        raise SettingsError(
            f"{at} is {content!r}, must be a table: [scores.{toml_key(name)}] with better = "
            '"high" or "low", and low and high'
        )
    known = ScoreRule.__struct_fields__
    for key in content:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise SettingsError(f"{at}: unknown key {key!r}; {hint}")
    try:
        return msgspec.convert(content, ScoreRule)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{at}: {error}") from error


def toml_key(name: str) -> str:
    """Return a name as a TOML key, quoted where it must be."""
    is_bare = name.isascii() and name.replace("-", "_").replace("_", "a").isalnum()
    return name if is_bare else json.dumps(name)
