"""A bulk run on disk: what has been scored so far lies in parts beside the output, so that a run can go on.

``<output>.parts/`` holds ``plan.json`` (what is scored by what), ``part-<number>.arrow`` (prediction and error of
so many rows each), ``lock``, and the output while it is being written. Whatever is there is whole: files are written
under another name first. The folder goes when the output stands.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from core.utilities.errors import ResumeError

END_BYTES = 1024 * 1024
"""So much of each end of the input is hashed: a Parquet file has its schema and statistics there."""


class Plan(BaseModel):
    """What a run scores: a later run goes on with its parts only if all of this is the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    format: int = 1
    input: str
    """Digest of the input's size, time of change, and both ends."""
    rows: int
    part_rows: int
    model: str
    version: str


class ScoreJob:
    """The parts of one output file.

    Parameters
    ----------
    output : Path
        The file that will be written.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output.with_name(f"{output.name}.parts")
        self.unfinished = self.folder / f"unfinished{output.suffix}"
        """Where the output is written before it takes its name."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder alone.

        Raises
        ------
        ResumeError
            If another run holds it, or it cannot be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise ResumeError(f"{self.folder} cannot be written to: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise ResumeError(f"another run is writing {self.output}") from None
        finally:
            os.close(fd)
            self._forget_if_empty()

    def begin(self, plan: Plan, *, restart: bool) -> None:
        """Make sure that the parts that lie here, if any, are those of ``plan``.

        Raises
        ------
        ResumeError
            If they are of something else, and ``restart`` does not say to throw them away.
        """
        earlier = self.plan()
        if restart or not (self.folder / "plan.json").exists():
            self._clear()
            self._write("plan.json", plan.model_dump_json().encode())
        elif earlier != plan:
            raise ResumeError(
                f"{_difference(earlier, plan)} since the run that left {self.folder}; --restart begins anew"
            )

    def plan(self) -> Plan | None:
        """Return the plan of the parts that lie here, None if there is none that can be read."""
        try:
            return Plan.model_validate_json((self.folder / "plan.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def has(self, number: int) -> bool:
        """Tell whether a part is there."""
        return self._part(number).exists()

    def read(self, number: int) -> pl.DataFrame:
        """Return a part.

        Raises
        ------
        ResumeError
            If it cannot be read.
        """
        try:
            return pl.read_ipc(self._part(number))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ResumeError(f"{self._part(number)} cannot be read; --restart begins anew") from error

    def store(self, number: int, scored: pl.DataFrame) -> None:
        """Keep a part."""
        path = self._part(number)
        unfinished = path.with_suffix(".unfinished")
        scored.write_ipc(unfinished)
        unfinished.replace(path)

    def finish(self) -> None:
        """Give the written output its name, durably, and remove the parts."""
        with self.unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        self.unfinished.replace(self.output)
        shutil.rmtree(self.folder)

    def _forget_if_empty(self) -> None:
        """Leave nothing behind of a run that scored nothing."""
        if self.folder.exists() and [path.name for path in self.folder.iterdir()] == ["lock"]:
            shutil.rmtree(self.folder)

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:08}.arrow"

    def _write(self, name: str, content: bytes) -> None:
        unfinished = self.folder / f"{name}.unfinished"
        unfinished.write_bytes(content)
        unfinished.replace(self.folder / name)

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.unlink()


def digest_of(path: Path) -> str:
    """Return a digest that changes with a file, without reading all of it."""
    status = path.stat()
    digest = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode())
    with path.open("rb") as file:
        digest.update(file.read(END_BYTES))
        file.seek(max(0, status.st_size - END_BYTES))
        digest.update(file.read(END_BYTES))
    return digest.hexdigest()


def _difference(earlier: Plan | None, plan: Plan) -> str:
    if earlier is None or earlier.format != plan.format or earlier.part_rows != plan.part_rows:
        return "the program has changed"
    if (earlier.input, earlier.rows) != (plan.input, plan.rows):
        return "the input has changed"
    return f"the model has changed from {earlier.model} {earlier.version} to {plan.model} {plan.version}"
