"""The route desk: changes of routes, each checked as a whole before anybody is answered by it.

A change is noted in the history, stored in the model's ``route.json`` and put on the route board, in this order, once
every worker has loaded and proven what it names. What cannot be is refused, and noted with its reason.
"""

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from core.managers.plain_redis import PlainRedisError, redis_errors
from core.managers.route_board import RouteBoard
from core.managers.route_history import RouteHistory
from core.managers.route_preparation import Preparer
from core.managers.version_files import find_route, write_newer_route
from core.managers.version_gate import VersionGate
from core.schemas.catalog import entry_of
from core.schemas.route import Canary, Route
from core.schemas.version import RouteChange
from core.services.rollback import ROLLBACK, UNDO
from core.utilities.errors import (
    ArtifactError,
    BoardUnavailableError,
    DatabaseUnavailableError,
    RouteRefusedError,
    TripcastError,
)


class RouteDesk:
    """Changes routes; every change returns its line in the history, or raises RouteRefusedError.

    With the database away it raises DatabaseUnavailableError, and the route is as it was.

    Parameters
    ----------
    gate : VersionGate
        Says which versions a route may name.
    history : RouteHistory
        Where changes and refusals are noted.
    board : RouteBoard
        Where a route spreads from.
    preparer : Preparer
        Lets the workers load what a route is about to name.
    models_dir : Path
        Where the routes are stored.
    """

    def __init__(
        self, *, gate: VersionGate, history: RouteHistory, board: RouteBoard, preparer: Preparer, models_dir: Path
    ) -> None:
        self._gate = gate
        self._history = history
        self._board = board
        self._preparer = preparer
        self._models_dir = models_dir

    def current(self, model: str) -> Route | None:
        """Return the route of a model as it is, None if it never had one.

        Raises
        ------
        ArtifactError
            If nobody knows one, and what lies in its place is none.
        """
        try:
            spread = self._board.read().get(model)
        except redis_errors():
            spread = None
        known = [route for route in (self._history.current(model), spread) if route is not None]
        try:
            stored = find_route(self._models_dir, model)
        except ArtifactError:
            if not known:
                raise
            stored = None  # the next change writes it anew
        return max([*known, *([stored] if stored else [])], key=lambda route: route.revision, default=None)

    def left_behind(self, model: str) -> Route | None:
        """Return the route that callers are answered by where the last one that was noted has not spread.

        Whoever changed it is about to let it spread, or was killed before. None where it has, or where nobody can tell.
        """
        try:
            spread = self._board.read().get(model)
        except redis_errors():
            return None
        noted = self._history.current(model)
        behind = spread is not None and noted is not None and spread.revision < noted.revision
        return spread if behind else None

    def deploy(self, model: str, version: str, *, who: str, why: str) -> RouteChange:
        """Let ``version`` answer alone; a shadow stays, unless it is this one."""

        def change(route: Route | None) -> Route:
            shadow = None if route is None or route.shadow == version else route.shadow
            return Route(champion=version, shadow=shadow)

        return self._change(model, change, action="deploy", who=who, why=why)

    def canary(self, model: str, version: str, share: float, *, who: str, why: str) -> RouteChange:
        """Let ``version`` answer a share of the requests, instead of another canary."""

        def change(route: Route | None) -> Route:
            champion = _existing(model, route).champion
            shadow = None if route is None or route.shadow == version else route.shadow
            return Route(champion=champion, canary=Canary(version=version, share=share), shadow=shadow)

        return self._change(model, change, action="canary", who=who, why=why)

    def stop_canary(self, model: str, *, who: str, why: str, version: str | None = None) -> RouteChange:
        """Let the champion answer everything again; with a ``version`` only if that is the canary."""

        def change(route: Route | None) -> Route:
            canary = _existing(model, route).canary
            if canary is None or version not in (None, canary.version):
                raise RouteRefusedError(f"{model} has no canary{f' {version}' if version else ''}")
            return _existing(model, route).model_copy(update={"canary": None})

        return self._change(model, change, action="stop-canary", who=who, why=why)

    def shadow(self, model: str, version: str | None, *, who: str, why: str) -> RouteChange:
        """Let ``version`` predict the same rows unseen; None ends that."""

        def change(route: Route | None) -> Route:
            return _existing(model, route).model_copy(update={"shadow": version})

        return self._change(model, change, action="shadow", who=who, why=why)

    def promote(self, model: str, *, who: str, why: str) -> RouteChange:
        """Let the canary be the champion."""

        def change(route: Route | None) -> Route:
            canary = _existing(model, route).canary
            if canary is None:
                raise RouteRefusedError(f"{model} has no canary to promote")
            return _existing(model, route).model_copy(update={"champion": canary.version, "canary": None})

        return self._change(model, change, action="promote", who=who, why=why)

    def rollback(self, model: str, *, who: str, why: str) -> RouteChange:
        """Go back: to the champion alone where a canary runs, else to the champion before."""

        def change(route: Route | None) -> Route:
            before = self._history.previous(model, route)
            if before is None:
                raise RouteRefusedError(f"{model} has no earlier route to go back to")
            return before

        return self._change(model, change, action=ROLLBACK, who=who, why=why)

    def _change(
        self, model: str, change: Callable[[Route | None], Route], *, action: str, who: str, why: str
    ) -> RouteChange:
        try:
            return self._apply(model, change, action=action, who=who, why=why)
        except DatabaseUnavailableError:
            raise  # nothing can be noted then
        except _errors(TripcastError, ValidationError) as error:
            reason = _reason(error)
            self._history.refused(model, action=action, who=who, why=why, reason=reason)
            away = isinstance(error, redis_errors())
            raise (BoardUnavailableError if away else RouteRefusedError)(reason) from error

    def _apply(
        self, model: str, change: Callable[[Route | None], Route], *, action: str, who: str, why: str
    ) -> RouteChange:
        entry = entry_of(model)
        before = self.current(model)
        revision = 0 if before is None else before.revision
        # Not by model_copy alone, which checks nothing.
        wanted = Route.model_validate({**change(before).model_dump(), "revision": revision + 1})
        new = _to_be_proven(wanted, before)
        for version in new:
            self._gate.require_routable(model, version)
        condition = self._gate.still_routable(model, new) if new else None
        with self._preparer.prepared(entry, new, beside=[version for version in wanted.versions if version not in new]):
            # Of two who change the same revision, the history takes one.
            noted = self._history.applied(
                model, wanted, action=action, who=who, why=why, before=before, condition=condition
            )
            try:
                self._spread(model, wanted)
            except _errors() as error:
                if before is not None:
                    self._undo(model, before.model_copy(update={"revision": revision + 2}), why=_reason(error))
                raise
        for version in () if before is None else before.versions:
            self._gate.know(model, version)
        return noted

    def _spread(self, model: str, route: Route) -> None:
        write_newer_route(self._models_dir, model, route)
        # What is there already may be ours: a call is sent again when its reply is lost.
        if not self._board.publish(model, route) and self._board.read().get(model) != route:
            raise RouteRefusedError(f"somebody else has changed the route of {model} meanwhile")

    def _undo(self, model: str, route: Route, *, why: str) -> None:
        """Put back the route from before; where even that cannot spread, it does with the next change."""
        self._history.applied(model, route, action=UNDO, who="tripcast", why=why)
        try:
            self._spread(model, route)
        except _errors(RouteRefusedError) as error:
            from loguru import logger  # noqa: PLC0415 (a change that succeeds logs nothing)

            logger.error("the route of {} is put back, but that cannot spread: {}", model, type(error).__name__)


def _to_be_proven(wanted: Route, before: Route | None) -> tuple[str, ...]:
    """Return the versions of a route that workers must hold before it counts.

    Whoever only takes versions off names nothing new: what is broken of the rest keeps no bad canary on. Nor does a shadow
    that was there before, whatever became of it: callers never get its answers.
    """
    if before is None:
        return wanted.versions
    fewer = len(wanted.versions) < len(before.versions) and wanted.champion == before.champion
    if fewer and wanted.canary in (None, before.canary) and wanted.shadow in (None, before.shadow):
        return ()
    return wanted.answering if wanted.shadow == before.shadow else wanted.versions


def _existing(model: str, route: Route | None) -> Route:
    if route is None:
        raise RouteRefusedError(f"{model} has no champion yet; deploy one first")
    return route


def _errors(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what a board or a file that cannot be used raises, and more."""
    return (OSError, *redis_errors(), *more)


def _reason(error: Exception) -> str:
    """Say in one line why a change is refused, without an address or a stack."""
    match error:
        case ValidationError():
            return "; ".join(_fault(item["loc"], item["msg"]) for item in error.errors())
        case TripcastError():
            return str(error)
        case _ if isinstance(error, redis_errors()):
            kind = error.kind if isinstance(error, PlainRedisError) else type(error).__name__
            return f"the route board cannot be reached ({kind})"
        case OSError():
            return f"the route cannot be stored ({error.strerror})"
    return type(error).__name__


def _fault(loc: tuple[int | str, ...], msg: str) -> str:
    named = ".".join(map(str, loc))
    return f"{named}: {msg}" if named else msg.removeprefix("Value error, ")
