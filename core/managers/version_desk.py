"""The versions and routes as a web process asks for them. It loads this module by name, at the first question."""

from pathlib import Path

from core.managers.rollout import Rollout, available_database
from core.managers.route_board import RouteBoard
from core.schemas.route import Route
from core.schemas.route_request import (
    CanaryRequest,
    DeployRequest,
    PromoteRequest,
    RollbackRequest,
    RouteRequest,
    ShadowRequest,
    StopCanaryRequest,
)
from core.schemas.version import Reason, RouteChange, VersionDetails, VersionEvent, VersionRecord

NEWEST = 50


class VersionDesk:
    """Versions and routes for callers; safe in threads. All raise DatabaseUnavailableError where the database is away.

    Parameters
    ----------
    url : str
        Of the database.
    backend_url : str
        Redis of the result backend.
    models_dir : Path
        ``repo/models``.
    """

    def __init__(self, url: str, *, backend_url: str, models_dir: Path) -> None:
        self._rollout = Rollout(database_url=url, board=RouteBoard(backend_url), models_dir=models_dir)

    def versions(self, model: str) -> list[VersionRecord]:
        """Return the versions of a model, the last registered first."""
        with available_database():
            return self._rollout.registry.versions(model)

    def details(self, model: str, version: str) -> VersionDetails:
        """Return a version with its history and its manifest; raises UnknownVersionError and ArtifactError."""
        with available_database():
            return self._rollout.registry.details(model, version)

    def change(self, model: str, version: str, event: VersionEvent, reason: Reason) -> VersionRecord:
        """Approve, freeze or retire a version; raises as :meth:`core.managers.registry.Registry.change`."""
        with available_database():
            return self._rollout.registry.change(model, version, event, who=reason.who, why=reason.why)

    def route(self, model: str) -> Route | None:
        """Return the route of a model, None if it never had one."""
        with available_database():
            return self._rollout.route(model)

    def history(self, model: str) -> list[RouteChange]:
        """Return the last changes of a route, the newest first, 50 at most."""
        with available_database():
            return self._rollout.history.changes(model, NEWEST)

    def change_route(self, model: str, request: RouteRequest) -> RouteChange:
        """Change a route; waits for the workers. Raises RouteRefusedError."""
        with available_database():
            return self._change_route(model, request)

    def close(self) -> None:
        """Close the connections."""
        self._rollout.close()

    def _change_route(self, model: str, request: RouteRequest) -> RouteChange:
        desk, who, why = self._rollout.desk, request.who, request.why
        match request:
            case DeployRequest():
                return desk.deploy(model, request.version, who=who, why=why)
            case CanaryRequest():
                return desk.canary(model, request.version, request.share, who=who, why=why)
            case StopCanaryRequest():
                return desk.stop_canary(model, who=who, why=why, version=request.version)
            case ShadowRequest():
                return desk.shadow(model, request.version, who=who, why=why)
            case PromoteRequest():
                return desk.promote(model, who=who, why=why)
            case RollbackRequest():
                return desk.rollback(model, who=who, why=why)
        raise TypeError(f"{type(request).__name__} is no change of a route")
