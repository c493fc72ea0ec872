"""The raw store: an immutable copy of every file that the pipeline was given.

``<folder>/<sha256>/data.<format>`` is the content, stored once whatever it was called and how often it came;
``<folder>/<sha256>/<name>.json`` records one name that it came under, written at its first arrival. Its time
of change is that of the last one.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import polars as pl
from pydantic import ValidationError

from core.schemas.snapshot import TRIPS_FILE, FileFormat, Snapshot
from core.utilities.errors import DataError
from core.utilities.hashing import sha256_of_file

_CHUNK_BYTES = 1 << 20
_PARQUET_MARK = b"PAR1"
_READ_ONLY = 0o444


class RawStore:
    """Files by their content, under one folder.

    Parameters
    ----------
    folder : Path
        ``repo/data/raw``; created when the first file comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ingest(self, path: Path, *, source: str | None = None) -> Snapshot:
        """Take in a file: copy it, check that it is whole, and record it.

        Safe to call again and from several processes: the same content is stored once, and the same name with
        the same content is recorded once.

        Parameters
        ----------
        path : Path
            Named as the TLC names its files.
        source : str, optional
            Where it came from, such as a URL; default: the path.

        Raises
        ------
        DataError
            If the name is not one of the TLC's, or the file is not a whole file of the format that it claims.
        """
        if TRIPS_FILE.match(path.name) is None:
            raise DataError(f"{path.name}: a trip file is named like green_tripdata_2021-01.parquet")
        file_format = cast(FileFormat, path.suffix[1:])
        self.folder.mkdir(parents=True, exist_ok=True)
        with _scratch_file(self.folder) as copy:
            sha256 = _copy(path, copy)
            snapshot = Snapshot(
                name=path.name,
                sha256=sha256,
                format=file_format,
                rows=_count_rows(copy, path.name, file_format),
                size_bytes=copy.stat().st_size,
                source=source or str(path),
                ingested_at=datetime.now(UTC),
            )
            _publish(copy, self._content_path(snapshot))
        return self._record(snapshot)

    def open(self, snapshot: Snapshot) -> Path:
        """Return the path of a snapshot's content, after a check that it is still the same.

        Raises
        ------
        DataError
            If it is not there, or was changed.
        """
        path = self._content_path(snapshot)
        if not path.is_file():
            raise DataError(f"{snapshot.name}: its raw copy {snapshot.sha256[:12]} is not in the store")
        if sha256_of_file(path) != snapshot.sha256:
            raise DataError(f"{snapshot.name}: its raw copy {snapshot.sha256[:12]} was changed after it was stored")
        return path

    def find(self, name: str) -> Snapshot | None:
        """Return the snapshot that came last under that name, be it for the second time, or None."""
        newest = max(self.folder.glob(f"*/{name}.json"), key=lambda path: path.stat().st_mtime_ns, default=None)
        return None if newest is None else _read_record(newest)

    def names(self) -> set[str]:
        """Return the names of all files that were taken in."""
        return {path.name.removesuffix(".json") for path in self.folder.glob("*/*_tripdata_*.json")}

    def _content_path(self, snapshot: Snapshot) -> Path:
        return self.folder / snapshot.sha256 / f"data.{snapshot.format}"

    def _record(self, snapshot: Snapshot) -> Snapshot:
        """Record a snapshot, or return the record that is there."""
        target = self.folder / snapshot.sha256 / f"{snapshot.name}.json"
        with _scratch_file(self.folder) as scratch:
            scratch.write_text(snapshot.model_dump_json(indent=2) + "\n")
            _publish(scratch, target)
        # What is given again is what its name stands for again; the record keeps the first time. Not by the file
        # system's own clock, whose ticks are some milliseconds long.
        now = time.time_ns()
        with suppress(PermissionError):  # another user's store
            os.utime(target, ns=(now, now))
        return _read_record(target)


def _copy(path: Path, copy: Path) -> str:
    """Copy a file and return the SHA-256 of what was written."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source, copy.open("wb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def _count_rows(copy: Path, name: str, file_format: FileFormat) -> int:
    """Count the rows of a whole file; ``name`` is for the messages."""
    with copy.open("rb") as file:
        start = file.read(len(_PARQUET_MARK))
        file.seek(-min(copy.stat().st_size, len(_PARQUET_MARK)), os.SEEK_END)
        end = file.read()
    if (start == _PARQUET_MARK) != (file_format == "parquet"):
        raise DataError(f"{name}: its name says {file_format}, its content is something else")
    if file_format == "parquet" and end != _PARQUET_MARK:
        raise DataError(f"{name}: the file is truncated ({copy.stat().st_size:,} bytes, and no footer at the end)")
    try:
        table = pl.scan_parquet(copy) if file_format == "parquet" else pl.scan_csv(copy, infer_schema=False)
        return int(table.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{name} is not a readable {file_format} file ({type(error).__name__})") from error


@contextmanager
def _scratch_file(folder: Path) -> Iterator[Path]:
    """Yield the path of an empty file in ``folder`` that is gone afterwards."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=folder)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _publish(scratch: Path, target: Path) -> None:
    """Give a complete file its name; who comes second leaves what is there."""
    target.parent.mkdir(exist_ok=True)
    scratch.chmod(_READ_ONLY)
    try:
        target.hardlink_to(scratch)
    except FileExistsError:
        return


def _read_record(path: Path) -> Snapshot:
    try:
        return Snapshot.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{path.parent.name[:12]}/{path.name} is not a record of the raw store") from error
