"""Open the database of the runs and of the registry, and bring its tables up to date."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from core.managers.plain_sql import BUSY_TIMEOUT_S, HEAD
from core.utilities.errors import DatabaseUnavailableError

MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = 0x7472_6970
"""Number of PostgreSQL's advisory lock that one who migrates holds."""


def open_database(url: str) -> Engine:
    """Return an engine on an up-to-date database.

    Parameters
    ----------
    url : str
        ``sqlite:///<file>`` or ``postgresql://…``.

    Raises
    ------
    DatabaseUnavailableError
        If it cannot be reached or written, or belongs to a newer release; without the URL, which may hold a password.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    else:
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        # A connection that is kept would go on in a file that was removed or replaced, and tell nobody.
        engine = create_engine(parsed, poolclass=NullPool)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediately)
    try:
        with engine.begin() as connection:
            _migrate(connection)
    except SQLAlchemyError as error:
        raise DatabaseUnavailableError(f"the database of the runs cannot be used ({type(error).__name__})") from error
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 (sqlite3's)
    """Leave transactions to us: the driver would begin them late, and two readers that both write would collide."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000:.0f}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_immediately(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    """Run the migrations that are missing; of several processes that start at once, one does, the others wait."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    known = inspect(connection).has_table("alembic_version")
    version = connection.execute(text("select version_num from alembic_version")).scalar() if known else None
    if version == HEAD:
        return
    from alembic import command  # noqa: PLC0415 (see HEAD)
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseUnavailableError(
            f"the database of the runs has tables of another release (migration {version}, known up to {HEAD})"
        ) from error
