"""A file that a living process writes ever again, for a probe beside it."""

from pathlib import Path

from loguru import logger


class PulseFile:
    """Writes the file whole, or not at all; where it cannot be written, says so once and goes on trying.

    Parameters
    ----------
    path : Path, optional
        None: nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._failed = False

    def write(self, content: str) -> None:
        """Write a sign of life."""
        if self._path is None:
            return
        unfinished = self._path.with_name(f"{self._path.name}.unfinished")
        try:
            unfinished.write_text(content)
            unfinished.replace(self._path)
            self._failed = False
        except OSError as error:
            if not self._failed:
                logger.warning("no sign of life goes to {}: {}", self._path, error.strerror)
            self._failed = True
