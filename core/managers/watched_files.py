"""What is remembered of the files of a watched place, over polls and processes."""

from datetime import UTC, datetime

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.managers.run_tables import WatchedRow
from core.schemas.watch import WatchedFile


class WatchedFiles:
    """The files in the database of the runs.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        As :func:`core.managers.database.open_database` gives it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def see(self, path: str, mark: str) -> WatchedFile:
        """Record that a file is there with that mark, and return what is known of it."""
        try:
            with Session(self._engine) as session, session.begin():
                row = session.get(WatchedRow, path, with_for_update=True)
                if row is None:
                    row = WatchedRow(path=path, mark=mark, since=_now())
                    session.add(row)
                elif row.mark != mark:
                    row.mark, row.since, row.done_at, row.sha256, row.error = mark, _now(), None, None, None
                session.flush()
                return WatchedFile.model_validate(row, from_attributes=True)
        except IntegrityError:  # another poll was first
            return self.see(path, mark)

    def settle(self, file: WatchedFile, *, sha256: str | None = None, error: str | None = None) -> bool:
        """Record what became of a file; False if it has changed since, or another poll was first: that one tells it."""
        with Session(self._engine) as session, session.begin():
            done = session.execute(
                update(WatchedRow)
                .where(WatchedRow.path == file.path, WatchedRow.mark == file.mark, WatchedRow.done_at.is_(None))
                .values(done_at=_now(), sha256=sha256, error=error)
                .returning(WatchedRow.path)
            )
            return done.first() is not None

    def known(self) -> list[WatchedFile]:
        """Return all files that were ever seen, by path."""
        with Session(self._engine) as session, session.begin():
            rows = session.scalars(select(WatchedRow).order_by(WatchedRow.path))
            return [WatchedFile.model_validate(row, from_attributes=True) for row in rows]


def _now() -> datetime:
    return datetime.now(UTC)
