"""How the guard ends a canary: a change of the route like any other, by the desk."""

from typing import TYPE_CHECKING

from config import Settings
from core.managers.route_board import RouteBoard

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from core.managers.route_desk import RouteDesk
    from core.schemas.catalog import CatalogEntry

GUARD = "guard"
"""Who changed the route, in its history."""


class CanaryStop:
    """Stops canaries; opens the database with the first one, as most recorders never do.

    Parameters
    ----------
    settings : Settings
        Where database, versions and workers are.
    board : RouteBoard
        Where the route spreads from.
    """

    def __init__(self, settings: Settings, *, board: RouteBoard) -> None:
        self._settings = settings
        self._board = board
        self._engine: Engine | None = None

    def __call__(self, model: str, version: str, why: str) -> None:
        """Let the champion answer everything again, if ``version`` is still the canary.

        Raises
        ------
        RouteRefusedError
            If it is not, or the change cannot be made.
        DatabaseUnavailableError, sqlalchemy.exc.SQLAlchemyError
            If the history cannot be reached.
        """
        self._desk().stop_canary(model, who=GUARD, why=why, version=version)

    def _desk(self) -> "RouteDesk":
        # A third of a second and 30 MiB, which a recorder without a canary does without.
        from core.managers.database import open_database  # noqa: PLC0415
        from core.managers.registry import Registry  # noqa: PLC0415
        from core.managers.route_desk import RouteDesk  # noqa: PLC0415
        from core.managers.route_history import RouteHistory  # noqa: PLC0415
        from core.managers.route_preparation import Preparer  # noqa: PLC0415

        if self._engine is None:
            self._engine = open_database(self._settings.runs_url)
        return RouteDesk(
            registry=Registry(self._engine, self._settings.models_dir),
            history=RouteHistory(self._engine),
            board=self._board,
            preparer=Preparer(board=self._board, prove=self._prove),
            models_dir=self._settings.models_dir,
        )

    def _prove(self, entry: "CatalogEntry", version: str) -> None:
        """Load a version here, as no worker runs that would."""
        from core.managers.artifacts import load_version  # noqa: PLC0415

        folder = self._settings.models_dir / entry.model / version
        load_version(folder, entry=entry, allowed_classes=self._settings.model_allowed_classes)
