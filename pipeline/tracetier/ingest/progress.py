"""How far a run has come, in bytes."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the bytes read so far, and those to read in all."""


class Meter:
    """Adds up the bytes that were read.

    Parameters
    ----------
    n_total : int
        Bytes to be read.
    progress : Progress, optional
        Is told.
    """

    def __init__(self, n_total: int, progress: Progress | None) -> None:
        self.n_done, self.n_total, self._progress = 0, n_total, progress

    def advance(self, n_bytes: int) -> None:
        """Tell that so many more bytes are done."""
        self.n_done += n_bytes
        if self._progress is not None:
            self._progress(self.n_done, self.n_total)
