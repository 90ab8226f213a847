"""Files → pieces that can be read side by side.

A large file whose every line stands alone is split at line ends; all others are read whole. How a
file is split follows from the file alone, so that what comes out is the same wherever it is read.
"""

from pathlib import Path

from tracetier.errors import FormatError
from tracetier.ingest.batch import Piece
from tracetier.ingest.files import InputFile
from tracetier.ingest.recipe import Recipe
from tracetier.ingest.registry import detect_format, format_named
from tracetier.ingest.source import is_packed, read_head

PIECE_BYTES = 32 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024


def pieces_of(file: InputFile, recipe: Recipe) -> list[Piece]:
    """Return the pieces of a file, in order."""
    whole = Piece(path=file.path, is_named=file.is_named)
    if file.n_bytes <= PIECE_BYTES or not _is_splittable(file.path, recipe):
        return [whole]
    ends = _line_starts(file.path, file.n_bytes)
    return [
        Piece(
            path=file.path,
            is_named=file.is_named,
            span=span,
            is_first=span[0] == 0,
            is_last=span[1] == file.n_bytes,
        )
        for span in zip([0, *ends], [*ends, file.n_bytes], strict=True)
    ]


def _is_splittable(path: Path, recipe: Recipe) -> bool:
    head = read_head(path)
    if head.kind != "jsonl" or is_packed(path):
        return False
    try:
        found = format_named(recipe.format) if recipe.format else detect_format(head)
    except FormatError:
        return False  # told when it is read
    return bool(getattr(found, "splittable", False))


def _line_starts(path: Path, n_bytes: int) -> list[int]:
    """Return where to split: the first line that begins after each multiple of the size."""
    starts: list[int] = []
    with path.open("rb") as file:
        for due in range(PIECE_BYTES, n_bytes, PIECE_BYTES):
            place = due - 1
            file.seek(place)
            while chunk := file.read(_CHUNK_BYTES):
                found = chunk.find(b"\n")
                if found >= 0:
                    place += found + 1
                    break
                place += len(chunk)
            if place >= n_bytes:
                break
            if not starts or place > starts[-1]:
                starts.append(place)
    return starts
