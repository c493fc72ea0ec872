"""How the guard ends a canary: a change of the route like any other, by the desk."""

from typing import TYPE_CHECKING

from config import Settings
from core.managers.route_board import RouteBoard

if TYPE_CHECKING:
    from core.managers.rollout import Rollout

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
        self._rollout: Rollout | None = None

    def __call__(self, model: str, version: str, why: str) -> None:
        """Let the champion answer everything again, if ``version`` is still the canary.

        Raises
        ------
        RouteRefusedError
            If it is not, or the change cannot be made.
        DatabaseUnavailableError, sqlalchemy.exc.SQLAlchemyError
            If the history cannot be reached.
        """
        if self._rollout is None:
            self._rollout = self._open()
        self._rollout.desk.stop_canary(model, who=GUARD, why=why, version=version)

    def _open(self) -> "Rollout":
        # A third of a second and 30 MiB, which a recorder without a canary does without.
        from core.managers.rollout import Rollout  # noqa: PLC0415
        from core.managers.version_proof import LocalProof  # noqa: PLC0415

        settings = self._settings
        proof = LocalProof(
            models_dir=settings.models_dir,
            allowed_classes=settings.model_allowed_classes,
            budget_mib=settings.model_memory_mib,
        )
        return Rollout(database_url=settings.runs_url, board=self._board, models_dir=settings.models_dir, proof=proof)
