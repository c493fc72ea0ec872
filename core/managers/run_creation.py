"""Create runs: with everything in their parameters that decides the outcome."""

from pathlib import Path

from pydantic import ValidationError

from core.managers.limit_files import load_limits
from core.managers.runs import Runs
from core.schemas.catalog import entry_of
from core.schemas.route import Route
from core.schemas.run import Run, RunParameters
from core.services.limits import override
from core.utilities.errors import UnknownModelError


def create_run(
    runs: Runs,
    parameters: RunParameters,
    models_dir: Path,
    *,
    for_worker: bool = False,
    occasion: str | None = None,
) -> Run:
    """Queue a run; without a champion in its parameters it is compared with the one that answers now.

    Without a design it gets the model's default, and limits that its parameters do not name are those of the family's
    file, as they are now.

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
    occasion : str, optional
        What started it, where nobody asked for it; there is one run of each.

    Raises
    ------
    RunStateError
        If there is a run of that occasion.
    UnknownModelError
        If the catalog has no such model, or the model no such design.
    SettingsError
        If the family's file of limits is wrong.
    """
    limits = load_limits(entry_of(parameters.model).model)
    fixed = {
        "champion": parameters.champion or _champion(models_dir / parameters.model),
        "design": _design(parameters),
        "limits": override(limits.quality, parameters.limits),
        "gate": override(limits.gate, parameters.gate),
    }
    return runs.create(parameters.model_copy(update=fixed), for_worker=for_worker, occasion=occasion)


def _design(parameters: RunParameters) -> str | None:
    """Return the name of the design; one with a dot is a team's own class, which the run itself looks for."""
    entry = entry_of(parameters.model)
    asked = parameters.design
    if asked is None:
        return next(iter(entry.designs), None)
    if asked not in entry.designs and not parameters.has_team_design:
        known = ", ".join(entry.designs) or "none"
        raise UnknownModelError(f"no design of {entry.model} is called {asked!r}; there are: {known}")
    return asked


def _champion(folder: Path) -> str | None:
    """Return the version that the route names, None where there is no route or no such version."""
    try:
        route = Route.model_validate_json((folder / "route.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return route.champion if (folder / route.champion).is_dir() else None
