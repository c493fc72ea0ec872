"""A log file of one process: appended line by line, rotated by size, old ones deleted.

loguru's own file sink costs two more system calls a line, prints a stack to stderr for every line that a
full disk refuses, and deletes old files only of its own name, so those of dead processes would stay.
"""

import os
import socket
import sys
import time
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path

MAX_BYTES = 16 * 1024**2
"""Size at which a file is set aside and a new one begun."""
KEEP_BYTES = 512 * 1024**2
"""Size of all log files of a directory together; the oldest go first."""
KEEP_S = 14 * 86_400
"""Age at which a file goes, counted from its last line."""
COMPLAIN_EVERY_S = 60.0


class LogFile:
    """Append lines to ``<process>-<host>-<time>-<pid>.jsonl`` in ``directory``.

    The name is this process's alone, also when a process id is used again or hosts share the folder.
    After construction nothing here raises: a line that cannot be written is lost, and stderr says so once a
    minute. A file deleted by somebody else is begun anew.

    Parameters
    ----------
    directory : Path
        Made if missing. All ``*.jsonl`` files in it are taken for log files.
    process : str
        Role of the process, first part of the name.
    max_bytes, keep_bytes, keep_s : int, int, float
        When to rotate and what to keep.

    Raises
    ------
    OSError
        If the file cannot be created.
    """

    def __init__(
        self,
        *,
        directory: Path,
        process: str,
        max_bytes: int = MAX_BYTES,
        keep_bytes: int = KEEP_BYTES,
        keep_s: float = KEEP_S,
    ) -> None:
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        self.path = directory / f"{process}-{socket.gethostname()}-{started}-{os.getpid()}.jsonl"
        self._max_bytes, self._keep_bytes, self._keep_s = max_bytes, keep_bytes, keep_s
        self._fd: int | None = None
        self._size = 0
        self._torn = False
        self._lost = 0
        self._complained_at = float("-inf")
        self._open()

    def write(self, line: bytes) -> None:
        r"""Append ``line``, which ends in ``\n``, with one system call: lines of forked processes do not mix."""
        try:
            self._prepare(len(line))
            self._append(line)
        except OSError as error:
            self._lost += 1
            self._complain(error)

    def stop(self) -> None:
        """Close the file; one that never got a line is deleted."""
        self._close()
        if self._size == 0:
            self._delete(self.path)

    def _prepare(self, n_bytes: int) -> None:
        """Have a file open that exists and has room."""
        if self._fd is None or os.fstat(self._fd).st_nlink == 0:
            self._open()
        elif self._size + n_bytes > self._max_bytes and self._size:
            self._rotate()

    def _append(self, line: bytes) -> None:
        """Write, after a line break if the disk filled up in the middle of the line before."""
        assert self._fd is not None  # noqa: S101 (`_prepare` opened it)
        data = b"\n" + line if self._torn else line
        written = os.write(self._fd, data)
        self._size += written
        self._torn = written < len(data)
        if self._torn:
            raise OSError(ENOSPC, os.strerror(ENOSPC))

    def _open(self) -> None:
        self._close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._fd).st_size
        self._torn = False
        self._expire()

    def _close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)

    def _rotate(self) -> None:
        """Set the full file aside under the next free number and begin a new one."""
        number = 1
        while (aside := self.path.with_name(f"{self.path.stem}.{number}.jsonl")).exists():
            number += 1
        self.path.rename(aside)
        self._open()

    def _expire(self) -> None:
        """Delete old files of any process, newest kept; a live owner notices and begins a new one."""
        oldest, total = time.time() - self._keep_s, 0
        for modified, size, path in sorted(self._files(), reverse=True):
            total += size
            if modified < oldest or total > self._keep_bytes:
                self._delete(path)

    def _files(self) -> list[tuple[float, int, Path]]:
        """Return time, size and path of the other log files here; one may vanish while we look."""
        found = []
        for path in self.path.parent.glob("*.jsonl"):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            if path != self.path:
                found.append((stat.st_mtime, stat.st_size, path))
        return found

    def _delete(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        """Say on stderr what is wrong, at most once a minute; stderr may be gone too."""
        if time.monotonic() - self._complained_at < COMPLAIN_EVERY_S:
            return
        self._complained_at = time.monotonic()
        try:
            sys.stderr.write(f"log file {self.path}: {error.strerror}; {self._lost} lines lost so far\n")
        except (OSError, ValueError):
            return
