"""Find a team's own class by its name, if the operator allows it."""

import importlib
import inspect
from collections.abc import Sequence
from pathlib import Path

from core.handlers.base import BaseHandler
from core.handlers.team_design import TeamDesign
from core.utilities.errors import DataError, ForbiddenClassError
from core.utilities.hashing import sha256_of_file


def find_team_design(name: str, handler: BaseHandler, *, allowed: Sequence[str]) -> TeamDesign:
    """Import an allowed class, and make a design of a handler's family of it.

    Raises
    ------
    ForbiddenClassError
        If it is not allowed; then nothing is imported.
    DataError
        If it is not there, or cannot be fitted.
    """
    if name not in allowed:
        raise ForbiddenClassError(f"design {name} is no class that MODEL_ALLOWED_CLASSES names")
    module, _, kind = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError) as error:
        raise DataError(f"design {name} is not installed here") from error
    if not isinstance(found, type):
        raise DataError(f"design {name} is no class")
    source = sha256_of_file(Path(inspect.getfile(found)))
    return TeamDesign(found, features=handler.features, source_sha256=source)
