"""The page's own files, as they lie in the package; read once."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

FOLDER: Final = Path(__file__).parent / "static"

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
"""Sent with every file: nothing comes from elsewhere, and nobody frames the page."""


class File(Struct, frozen=True):
    """A file with its media type and its entity tag."""

    body: bytes
    media_type: str
    etag: str

    def is_known(self, if_none_match: str | None) -> bool:
        """Whether who asks has it already."""
        given = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
        return self.etag in given or "*" in given


@cache
def files() -> dict[str, File]:
    """Return every file by its name."""
    return {path.name: _read(path) for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}


def _read(path: Path) -> File:
    body = path.read_bytes()
    return File(body, TYPES[path.suffix], f'"{sha256(body).hexdigest()[:32]}"')
