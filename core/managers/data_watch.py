"""Look at a place where new months appear, and take them into the raw store once they are whole.

A file is whole once two looks, some time apart, found it the same. One that is refused is told once: only a change of it
makes it worth another look.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from loguru import logger

from core.managers.raw_files import RawFiles
from core.managers.raw_store import RawStore
from core.managers.watched_files import WatchedFiles
from core.schemas.snapshot import TRIPS_FILE, Snapshot
from core.schemas.watch import WatchedFile
from core.services.run_plan import recent_files
from core.utilities.errors import DataError, DownloadError

TIMEOUT_S = 20.0
URL_STARTS = ("http://", "https://")


class DataWatch:
    """A watched place.

    Parameters
    ----------
    place : str
        A folder, or the URL of one; on a server the names of the last six months are tried.
    store : RawStore
        Where files end up.
    files : WatchedFiles
        What is remembered.
    settle_s : float
        How long a file must stay the same before it is taken for whole.
    """

    def __init__(self, place: str, *, store: RawStore, files: WatchedFiles, settle_s: float) -> None:
        self._place = place
        self._store = store
        self._files = files
        self._settle = timedelta(seconds=settle_s)

    def look(self) -> list[Snapshot]:
        """Take in what is new and whole, and return it.

        Raises
        ------
        DataError
            If the folder cannot be read.
        DownloadError
            If the server cannot be reached.
        """
        found = self._on_server() if self._place.startswith(URL_STARTS) else self._in_folder()
        taken = []
        for path, mark in found:
            file = self._files.see(path, mark)
            if file.done_at is None and datetime.now(UTC) - file.since >= self._settle:
                taken += self._take(file)
        return taken

    def _take(self, file: WatchedFile) -> list[Snapshot]:
        try:
            snapshot = self._ingest(file.path)
        except (DataError, DownloadError) as error:
            if not _is_bad(error):
                logger.bind(file=file.path).warning("a watched file was not fetched: {}", error)
            elif self._files.settle(file, error=str(error)):
                logger.bind(file=file.path).error("a watched file is refused: {}", error)
            return []
        if not self._files.settle(file, sha256=snapshot.sha256):
            return []
        logger.bind(file=file.path, sha256=snapshot.sha256, rows=snapshot.rows).info("a watched file was taken in")
        return [snapshot]

    def _ingest(self, path: str) -> Snapshot:
        if path.startswith(URL_STARTS):
            return RawFiles(self._store, url=self._place.rstrip("/")).download(path.rpartition("/")[2])
        return self._store.ingest(Path(path))

    def _in_folder(self) -> Iterator[tuple[str, str]]:
        """Yield each trip file with its size and the time of its last change; other names are another's."""
        try:
            for path in sorted(Path(self._place).resolve().iterdir()):
                if TRIPS_FILE.match(path.name) and path.is_file():
                    about = path.stat()
                    yield str(path), f"{about.st_size}/{about.st_mtime_ns}"
        except OSError as error:
            raise DataError(f"{self._place} cannot be looked at ({error.strerror})") from error

    def _on_server(self) -> Iterator[tuple[str, str]]:
        """Yield each month that the server has, with what it says of length and change."""
        known = self._store.names()
        names = [name for name in recent_files(datetime.now(UTC).date(), taxi="green") if name not in known]
        try:
            with httpx.Client(timeout=TIMEOUT_S, follow_redirects=True) as client:
                for name in names:
                    url = f"{self._place.rstrip('/')}/{name}"
                    answer = client.head(url)
                    if answer.status_code == httpx.codes.OK:
                        marks = [
                            answer.headers.get(header, "") for header in ("Content-Length", "ETag", "Last-Modified")
                        ]
                        yield url, "/".join(marks)[:255]
        except httpx.HTTPError as error:
            raise DownloadError(f"{self._place} cannot be looked at ({type(error).__name__})") from error


def _is_bad(error: BaseException | None) -> bool:
    """Tell whether it is the file's fault: a download that broke off is tried again, one that came whole and wrong is not."""
    return error is not None and (isinstance(error, DataError) or _is_bad(error.__cause__))
