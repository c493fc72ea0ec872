"""An empty database, in SQLite or on a real PostgreSQL, and versions to register in it."""

import json
from pathlib import Path
from typing import Any, TypedDict

from sqlalchemy import Engine, delete

from core.handlers.base import TrainedModel
from core.managers.version_tables import RouteChangeRow, VersionEventRow, VersionRow
from core.managers.versions import store_version
from core.schemas.catalog import TRIP_DURATION

MODEL = TRIP_DURATION.model


class Said(TypedDict):
    """Who wants something, and why."""

    who: str
    why: str


WHO: Said = {"who": "ada", "why": "a reason"}


def empty(engine: Engine) -> None:
    """Forget every version and every change of a route."""
    with engine.begin() as connection:
        for table in (RouteChangeRow, VersionEventRow, VersionRow):
            connection.execute(delete(table))


def store(models_dir: Path, trained: TrainedModel, version: str) -> Path:
    """Store a version of that name."""
    return store_version(models_dir, trained, entry=TRIP_DURATION, version=version)


def rewrite_manifest(folder: Path, **changes: Any) -> None:
    """Change what a version's manifest says."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
