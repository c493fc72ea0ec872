"""The history of routes: each change that was made, and each that was refused, with who wanted it and why."""

from datetime import UTC, datetime

from sqlalchemy import Engine, Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.managers.version_tables import RouteChangeRow
from core.schemas.route import Route
from core.schemas.version import RouteChange
from core.services.rollback import previous_route
from core.utilities.errors import RouteRefusedError

FIRST = "found"
"""Action of the row that names the route from before the first change."""


class RouteHistory:
    """The changes of routes in a database.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        As :func:`core.managers.database.open_database` gives it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def applied(
        self, model: str, route: Route, *, action: str, who: str, why: str, before: Route | None = None
    ) -> RouteChange:
        """Note a change, and return it.

        Parameters
        ----------
        model : str
            Whose route changes.
        route : Route
            As it is from now on; its revision is a new one.
        action : str
            Such as ``deploy``; ``rollback`` is what :meth:`previous` knows.
        who, why : str
            For whoever reads the history.
        before : Route, optional
            What this one replaces: it is noted first where nothing was ever noted, so that one can go back to it.

        Raises
        ------
        RouteRefusedError
            If the route of that revision is another's: somebody else changed it meanwhile.
        """
        row = _row(model, action, who=who, why=why, route=route)
        try:
            with Session(self._engine) as session, session.begin():
                known = session.scalar(_applied(model).limit(1))
                if known is None and before is not None and before.revision < route.revision:
                    why_first = "the route before the first change"
                    session.add(_row(model, FIRST, who="shipped", why=why_first, route=before))
                    session.flush()
                session.add(row)
                session.flush()
                return _read(row)
        except IntegrityError as error:
            raise RouteRefusedError(f"somebody else has changed the route of {model} meanwhile") from error

    def refused(self, model: str, *, action: str, who: str, why: str, reason: str) -> RouteChange:
        """Note a change that was refused for a reason, and return it."""
        row = _row(model, action, who=who, why=why, refused=reason)
        with Session(self._engine) as session, session.begin():
            session.add(row)
            session.flush()
            return _read(row)

    def changes(self, model: str, limit: int = 50) -> list[RouteChange]:
        """Return the last changes, the newest first, also those that were refused."""
        query = select(RouteChangeRow).where(RouteChangeRow.model == model)
        with Session(self._engine) as session, session.begin():
            return [_read(row) for row in session.scalars(query.order_by(RouteChangeRow.id.desc()).limit(limit))]

    def current(self, model: str) -> Route | None:
        """Return the route after the last change that was made, None if there was none."""
        query = select(RouteChangeRow).where(RouteChangeRow.model == model, RouteChangeRow.revision.is_not(None))
        with Session(self._engine) as session, session.begin():
            row = session.scalar(query.order_by(RouteChangeRow.revision.desc()).limit(1))
            return None if row is None else _read(row).route

    def previous(self, model: str) -> Route | None:
        """Return the route that a rollback leads to: see :func:`core.services.rollback.previous_route`.

        Its revision is that of the current route; None where there is nothing to go back to.
        """
        with Session(self._engine) as session, session.begin():
            return previous_route(_read(row) for row in session.scalars(_applied(model)))


def _applied(model: str) -> Select[RouteChangeRow]:
    return (
        select(RouteChangeRow)
        .where(RouteChangeRow.model == model, RouteChangeRow.revision.is_not(None))
        .order_by(RouteChangeRow.revision)
    )


def _row(
    model: str, action: str, *, who: str, why: str, route: Route | None = None, refused: str | None = None
) -> RouteChangeRow:
    return RouteChangeRow(
        model=model,
        revision=None if route is None else route.revision,
        route=None if route is None else route.model_dump(mode="json"),
        action=action,
        who=who,
        why=why,
        at=datetime.now(UTC),
        refused=refused,
    )


def _read(row: RouteChangeRow) -> RouteChange:
    return RouteChange.model_validate(row, from_attributes=True)
