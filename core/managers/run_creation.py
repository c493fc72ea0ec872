"""Create runs: with everything in their parameters that decides the outcome."""

from pathlib import Path

from pydantic import ValidationError

from core.managers.limit_files import load_limits
from core.managers.runs import Runs
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Route
from core.schemas.run import Run, RunParameters
from core.services.limits import override


def create_run(runs: Runs, parameters: RunParameters, models_dir: Path, *, for_worker: bool = False) -> Run:
    """Queue a run; without a champion in its parameters it is compared with the one that answers now.

    Limits that its parameters do not name are those of the family's file as it is now.

    Parameters
    ----------
    runs : Runs
        Where it is recorded.
    parameters : RunParameters
        What it shall do.
    models_dir : Path
        ``repo/models``, whose route names the champion.
    for_worker : bool
        Whether a worker shall execute it.

    Raises
    ------
    SettingsError
        If the family's file of limits is wrong.
    """
    limits = load_limits(TRIP_DURATION.model)
    fixed = {
        "champion": parameters.champion or _champion(models_dir / TRIP_DURATION.model),
        "limits": override(limits.quality, parameters.limits),
        "gate": override(limits.gate, parameters.gate),
    }
    return runs.create(parameters.model_copy(update=fixed), for_worker=for_worker)


def _champion(folder: Path) -> str | None:
    """Return the version that the route names, None where there is no route or no such version."""
    try:
        route = Route.model_validate_json((folder / "route.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return route.champion if (folder / route.champion).is_dir() else None
