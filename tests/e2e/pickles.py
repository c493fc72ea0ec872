"""Artifacts for workers to load: a team's own model, and one whose loading does harm."""

import os
import pickle
from pathlib import Path
from typing import Any

from tests.e2e.team_models import TeamModel


def write_team_model(folder: Path) -> Path:
    """Write a bare pickle of ``TeamModel``."""
    return write_pickle(folder / "team.pickle", TeamModel())


def write_pickle(path: Path, model: object) -> Path:
    """Write a bare pickle of ``model``."""
    path.write_bytes(pickle.dumps(model))
    return path


class Hostile:
    """Pickles as a call that makes the folder ``marker``."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._marker),)
