"""An empty database, in SQLite or on a real PostgreSQL, and versions to register in it."""

import json
from pathlib import Path
from typing import Any, TypedDict

from sqlalchemy import Engine, delete

from core.handlers.base import TrainedModel
from core.managers.plain_sql import PlainDatabase
from core.managers.registry import Registry
from core.managers.version_files import write_route
from core.managers.version_gate import VersionGate
from core.managers.version_tables import RouteChangeRow, VersionEventRow, VersionRow
from core.managers.versions import store_version
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Route

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


def plain(engine: Engine) -> PlainDatabase:
    """Return the same database, without SQLAlchemy."""
    url = engine.url.set(drivername=engine.url.get_backend_name())
    return PlainDatabase(url.render_as_string(hide_password=False))


def gate_of(registry: Registry, models_dir: Path) -> VersionGate:
    """Return the gate that the versions of a registry pass."""
    return VersionGate(plain(registry.engine), models_dir, adopt=registry.get)


def store(models_dir: Path, trained: TrainedModel, version: str) -> Path:
    """Store a version of that name."""
    return store_version(models_dir, trained, entry=TRIP_DURATION, version=version)


def set_champion(models_dir: Path, model: str, version: str) -> None:
    """Let ``version`` alone answer for ``model`` from the next start on."""
    write_route(models_dir, model, Route(champion=version))


def rewrite_manifest(folder: Path, **changes: Any) -> None:
    """Change what a version's manifest says."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
