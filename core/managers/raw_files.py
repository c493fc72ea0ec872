"""Find the raw file of a month: among the files at hand, in the raw store, or on the TLC's server."""

from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from core.handlers.tlc import check_parquet
from core.managers.downloads import TLC_URL, fetch
from core.managers.raw_store import RawStore
from core.schemas.snapshot import TRIPS_FILE, Snapshot
from core.utilities.errors import DataError, DownloadError

TIMEOUT_S = 20.0

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that are here, and the bytes that it has."""


class RawFiles:
    """Raw files by taxi and month.

    Parameters
    ----------
    store : RawStore
        Where they end up.
    data : sequence of Path
        Files and folders to look in first.
    url : str
        Folder on a server that has what is nowhere else.
    progress : callable, optional
        Told how far a download is.
    """

    def __init__(
        self, store: RawStore, *, data: Sequence[Path] = (), url: str = TLC_URL, progress: Progress | None = None
    ) -> None:
        self._store = store
        self._data = data
        self._url = url
        self._progress = progress

    def obtain(self, taxi: str, month: str) -> Snapshot:
        """Return the snapshot of a month, taken in now if need be.

        Where files and folders were given, only they are looked in: a run on given data must not fall back to other data.

        Raises
        ------
        DataError
            If the file is not among those given, or is not whole.
        DownloadError
            If it cannot be downloaded.
        """
        if self._data:
            return self._store.ingest(self._given(taxi, month))
        name = f"{taxi}_tripdata_{month}.parquet"
        in_csv = f"{taxi}_tripdata_{month}.csv"
        return self._store.find(name) or self._store.find(in_csv) or self.download(name)

    def _given(self, taxi: str, month: str) -> Path:
        files = [file for path in self._data for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
        for file in files:
            match = TRIPS_FILE.match(file.name)
            if match and (match["taxi"], f"{match['year']}-{match['month']}") == (taxi, month) and file.is_file():
                return file
        raise DataError(f"no {taxi}_tripdata_{month}.parquet in {', '.join(map(str, self._data))}")

    def download(self, name: str) -> Snapshot:
        """Download a file beside the store, continuing what an earlier try left, and take it in."""
        target, url = self._store.folder / "downloads" / name, f"{self._url}/{name}"

        def show(here: int, whole: int) -> None:
            if self._progress is not None:
                self._progress(name, here, whole)

        # The check is of the columns of green taxis; the gates look at every file anyway.
        check = check_parquet if name.startswith("green") else _no_check
        try:
            with httpx.Client(timeout=TIMEOUT_S, follow_redirects=True) as client:
                fetch(client, url, target, check=check, progress=show)
        except DownloadError as error:
            raise DownloadError(f"{error}. With the files at hand: make train DATA=<folder>") from error
        snapshot = self._store.ingest(target, source=url)
        target.unlink()
        return snapshot


def _no_check(_: Path) -> None: ...
