"""Logging of a process: loguru to a file of JSON lines and to the terminal, the standard library's through it.

Call :func:`configure_logging` once, at the start of a process, after gevent's monkey-patching where there is
any. Everything is written by the thread that logs: loguru's ``enqueue=True`` hangs under gevent.
"""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from core.utilities.log_file import LogFile
from core.utilities.log_line import json_line, terminal_format
from core.utilities.urls import redact

if TYPE_CHECKING:
    from loguru import Message, Record

QUIET = (
    *("celery.worker.strategy", "celery.app.trace", "uvicorn.access", "httpx", "httpcore"),
    *("alembic.runtime.plugins", "hamilton.registry"),
)
"""Loggers with a line or two a task, request or plugin at INFO: warnings only, unless the level is DEBUG."""

FILE_ONLY = ("core.managers.batch_log",)
"""Modules whose lines below WARNING are for the file: hundreds a second, under load."""
_WARNING = logger.level("WARNING").no


def configure_logging(*, directory: Path, process: str, level: str, terminal: bool = True) -> None:
    """Send all logging of this process to a file of its own and, if wanted, to stderr.

    A second call replaces what the first set up. A folder that cannot be written to is no reason to stop:
    one warning says so, and the lines go to the terminal.

    Parameters
    ----------
    directory : Path
        Folder of the log files of this kind of process, ``repo/logs/apps/api`` say.
    process : str
        Role of the process (``web``, ``worker``): in every line and in the file's name.
    level : str
        Lowest level that is logged: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``.
    terminal : bool
        Whether lines for people go to stderr.
    """
    logger.remove()
    problem = _add_file(directory=directory, process=process, level=level)
    if terminal or problem:
        logger.add(
            _write_terminal,
            level=level,
            filter=_is_for_people if level != "DEBUG" else None,
            format=terminal_format,
            colorize=_wants_colour(),
            backtrace=False,
            diagnose=False,
            enqueue=False,
        )
    _intercept_standard_logging(level)
    if problem:
        logger.warning("no log file, lines go to the terminal only: {}", problem)


def _add_file(*, directory: Path, process: str, level: str) -> str | None:
    """Add the file of JSON lines; return why it cannot be had, or None."""
    try:
        file = LogFile(directory=directory, process=process)
    except OSError as error:
        return f"{directory}: {error.strerror}"
    sink = _FileSink(file=file, process=process)
    # The sink builds its line from the record, so the format only costs: the empty one costs least.
    logger.add(sink, level=level, format=lambda _: "", backtrace=False, diagnose=False, enqueue=False)
    return None


class _FileSink:
    """What loguru calls with each message."""

    def __init__(self, *, file: LogFile, process: str) -> None:
        self._file, self._process = file, process

    def write(self, message: "Message") -> None:
        self._file.write(json_line(message.record, process=self._process))

    def stop(self) -> None:
        self._file.stop()


def _is_for_people(record: "Record") -> bool:
    """Keep the line that each batch writes out of the terminal, unless something is wrong."""
    return record["name"] not in FILE_ONLY or record["level"].no >= _WARNING


def _write_terminal(message: "Message") -> None:
    """Write to stderr, whichever object that is now; a terminal that is gone must not break the caller."""
    try:
        sys.stderr.write(redact(message))
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def _wants_colour() -> bool:
    """Follow the conventions ``NO_COLOR`` and ``FORCE_COLOR``; else colour a terminal only."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stderr.isatty()


class InterceptHandler(logging.Handler):
    """Hand records of the standard library's logging to loguru, under their own level, logger and caller."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log ``record`` through loguru."""

        def as_logged(target: "Record") -> None:
            target["name"], target["function"], target["line"] = record.name, record.funcName, record.lineno

        exception = record.exc_info if record.exc_info and record.exc_info[0] else None
        logger.opt(exception=exception).patch(as_logged).log(_level(record), "{}", _text(record))


def _level(record: logging.LogRecord) -> str | int:
    """Return the level by name where loguru has it, else by number."""
    try:
        return logger.level(record.levelname).name
    except ValueError:
        return record.levelno


def _text(record: logging.LogRecord) -> str:
    """Return the message; a call whose arguments do not fit its format is logged as it stands."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


def _intercept_standard_logging(level: str) -> None:
    """Make loguru the only handler: of the root, and so of every logger that others have set up."""
    logging.root.handlers = [InterceptHandler()]
    logging.root.setLevel(level)
    for other in list(logging.root.manager.loggerDict.values()):
        if isinstance(other, logging.Logger):
            other.handlers.clear()
            other.propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)
    logging.captureWarnings(True)
