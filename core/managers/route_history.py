"""The history of routes: each change that was made, and each that was refused, with who wanted it and why."""

import json
from datetime import UTC, datetime

from core.managers.plain_sql import Condition, PlainDatabase, Row, TakenError, UnmetError
from core.schemas.route import Route
from core.schemas.version import RouteChange
from core.services.rollback import previous_route
from core.utilities.errors import RouteRefusedError

FOUND = "found"
"""Action of the row that names a route which nobody noted: the one from before the first change, or from after a backup
that the database was set back to."""
_READ = "select model, revision, cast(route as text), action, who, why, at, refused from route_changes where model = ? "
_APPLIED = _READ + "and revision is not null order by revision "
_WRITE = (
    "insert into route_changes (model, revision, route, action, who, why, at, refused) values (?, ?, ?, ?, ?, ?, ?, ?)"
)


class RouteHistory:
    """The changes of routes in a database.

    Parameters
    ----------
    database : PlainDatabase
        As :func:`core.managers.rollout.open_plain` gives it.
    """

    def __init__(self, database: PlainDatabase) -> None:
        self._database = database

    def applied(
        self,
        model: str,
        route: Route,
        *,
        action: str,
        who: str,
        why: str,
        before: Route | None = None,
        condition: Condition | None = None,
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
            What this one replaces: it is noted first where it never was, so that one can go back to it.
        condition : Condition, optional
            What must be so at that moment.

        Raises
        ------
        RouteRefusedError
            If the route of that revision is another's: somebody else changed it meanwhile. Or if the condition is not met.
        """
        change = _change(model, action, who=who, why=why, route=route)
        noted = [change]
        if before is not None and before.revision < route.revision and (found := self._found(model, before)):
            noted.insert(0, found)
        try:
            self._database.write(*((_WRITE, _values(each)) for each in noted), condition=condition)
        except UnmetError as error:
            raise RouteRefusedError(f"a version of {model} that the route would name is retired meanwhile") from error
        except TakenError as error:
            raise RouteRefusedError(f"somebody else has changed the route of {model} meanwhile") from error
        return change

    def refused(self, model: str, *, action: str, who: str, why: str, reason: str) -> RouteChange:
        """Note a change that was refused for a reason, and return it."""
        change = _change(model, action, who=who, why=why, refused=reason)
        self._database.write((_WRITE, _values(change)))
        return change

    def changes(self, model: str, limit: int = 50) -> list[RouteChange]:
        """Return the last changes, the newest first, also those that were refused."""
        return [self._read(row) for row in self._database.rows(_READ + "order by id desc limit ?", model, limit)]

    def current(self, model: str) -> Route | None:
        """Return the route after the last change that was made, None if there was none."""
        rows = self._database.rows(_APPLIED + "desc limit 1", model)
        return self._read(rows[0]).route if rows else None

    def previous(self, model: str, current: Route | None = None) -> Route | None:
        """Return the route that a rollback leads to: see :func:`core.services.rollback.previous_route`.

        Its revision is that of the current route, which may be one that was never noted; None where there is nothing to
        go back to.
        """
        changes = [self._read(row) for row in self._database.rows(_APPLIED, model)]
        if current is not None and (found := self._found(model, current)):
            changes.append(found)
        return previous_route(changes)

    def named(self, model: str) -> set[str]:
        """Return the versions that a route of the model has named, now or before."""
        routes = [self._read(row).route for row in self._database.rows(_APPLIED, model)]
        return {version for route in routes if route is not None for version in route.versions}

    def _found(self, model: str, route: Route) -> RouteChange | None:
        """Return what is to be noted of a route that is newer than all that was noted, None if it is not."""
        noted = self.current(model)
        if noted is not None and noted.revision >= route.revision:
            return None
        if noted is None and not route.revision:
            return _change(model, FOUND, who="shipped", why="the route before the first change", route=route)
        return _change(model, FOUND, who="tripcast", why="the database did not know of it", route=route)

    def _read(self, row: Row) -> RouteChange:
        model, revision, route, action, who, why, at, refused = row
        return RouteChange(
            model=model,
            revision=revision,
            route=None if route is None else Route.model_validate_json(route),
            action=action,
            who=who,
            why=why,
            at=self._database.time(at),
            refused=refused,
        )


def _change(
    model: str, action: str, *, who: str, why: str, route: Route | None = None, refused: str | None = None
) -> RouteChange:
    return RouteChange(
        model=model,
        revision=None if route is None else route.revision,
        route=route,
        action=action,
        who=who,
        why=why,
        at=datetime.now(UTC),
        refused=refused,
    )


def _values(change: RouteChange) -> tuple[object, ...]:
    route = None if change.route is None else json.dumps(change.route.model_dump(mode="json"))
    return (change.model, change.revision, route, change.action, change.who, change.why, change.at, change.refused)
