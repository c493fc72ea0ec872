"""Plain SQL, by the driver alone: what a change of routes asks the database for must not wait for SQLAlchemy's import.

That takes a quarter of a second of processor time, and a rollback beside two full cores has a second. The tables are
those of :mod:`core.managers.version_tables`, and what is read and written here is what SQLAlchemy writes and reads.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from core.utilities.errors import DatabaseUnavailableError

HEAD = "0003"
"""The newest migration; a database that has it needs no Alembic, which takes a second to import."""
BUSY_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10
SQLITE_TIME = "%Y-%m-%d %H:%M:%S.%f"
"""How SQLAlchemy writes a time into SQLite, which has no type for it; in UTC, see ``UtcDateTime``."""
Row = tuple[Any, ...]


class TakenError(Exception):
    """Raised when a row breaks a unique key."""


class UnmetError(Exception):
    """Raised when what must be there is not."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Rows that must be there for something to be written, and stay as they are until it is.

    Parameters
    ----------
    sql : str
        Selects them from one table, with ``?`` for each value.
    values : tuple
        The values.
    rows : int
        How many they must be.
    """

    sql: str
    values: tuple[object, ...]
    rows: int


class PlainDatabase:
    """A database of SQLite or PostgreSQL; each question has a connection of its own, so it is safe in threads.

    Parameters
    ----------
    url : str
        ``sqlite:///<file>`` or ``postgresql://…``.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_sqlite = url.startswith("sqlite:")

    def is_current(self) -> bool:
        """Tell whether it is there and has the newest tables."""
        try:
            return self.rows("select version_num from alembic_version") == [(HEAD,)]
        except DatabaseUnavailableError:
            return False

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return the rows of one question, with ``?`` for each value; raises as :meth:`transaction`."""
        with self._connected() as connection:
            return self._execute(connection, sql, values)

    def write(self, *statements: tuple[str, tuple[object, ...]], condition: Condition | None = None) -> None:
        """Do all of it or nothing.

        Raises
        ------
        UnmetError
            If the condition is not met.
        TakenError
            If a row breaks a unique key.
        DatabaseUnavailableError
            If the database cannot be used; without its URL, which may hold a password.
        """
        with self._connected() as connection:
            if self._is_sqlite:  # its driver would begin late, and two writers would collide
                connection.execute("BEGIN IMMEDIATE")
            if condition is not None:
                self._require(connection, condition)
            for sql, values in statements:
                self._execute(connection, sql, values)
            connection.commit()

    def time(self, value: Any) -> datetime:  # noqa: ANN401 (a driver's)
        """Return a time as it was read."""
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _require(self, connection: Any, condition: Condition) -> None:  # noqa: ANN401 (a driver's)
        locking = "" if self._is_sqlite else " for share"  # in SQLite nobody else writes now
        if len(self._execute(connection, condition.sql + locking, condition.values)) != condition.rows:
            raise UnmetError

    def _execute(self, connection: Any, sql: str, values: tuple[object, ...]) -> list[Row]:  # noqa: ANN401 (a driver's)
        if self._is_sqlite:
            given = [value.strftime(SQLITE_TIME) if isinstance(value, datetime) else value for value in values]
            cursor = connection.execute(sql, given)
        else:
            cursor = connection.execute(sql.replace("?", "%s"), values)
        return list(cursor.fetchall()) if cursor.description else []

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        if self._is_sqlite:
            with _told(sqlite3.Error, sqlite3.IntegrityError), closing(self._sqlite()) as connection:
                yield connection
            return
        import psycopg  # noqa: PLC0415 (an installation on SQLite does without)

        with (
            _told(psycopg.Error, psycopg.IntegrityError),
            closing(psycopg.connect(self._url, connect_timeout=CONNECT_TIMEOUT_S)) as connection,
        ):
            yield connection

    def _sqlite(self) -> sqlite3.Connection:
        path, _, options = self._url.removeprefix("sqlite:///").partition("?")
        if options:  # SQLAlchemy's own language
            from sqlalchemy import make_url  # noqa: PLC0415

            given = make_url(self._url)
            arguments, more = given.get_dialect()().create_connect_args(given)
            connection: sqlite3.Connection = sqlite3.connect(arguments[0], **{**more, "isolation_level": None})
            return connection
        # A file that is not there is made by who makes its tables.
        return sqlite3.connect(f"file:{quote(path)}?mode=rw", timeout=BUSY_TIMEOUT_S, isolation_level=None, uri=True)


@contextmanager
def _told(any_error: type[Exception], integrity: type[Exception]) -> Iterator[None]:
    try:
        yield
    except integrity as error:
        raise TakenError(type(error).__name__) from error
    except any_error as error:
        raise DatabaseUnavailableError(f"the database of the runs cannot be used ({type(error).__name__})") from error
