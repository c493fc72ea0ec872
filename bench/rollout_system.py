"""The system with many versions of one model, and the desk that changes who answers."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.contender import Running
from bench.lineup import CONTENDERS
from bench.models import Served
from bench.processes import environment
from bench.versions import MODEL, known_answer, store_versions
from core.managers.database import open_database
from core.managers.registry import Registry
from core.managers.rollout import Rollout
from core.managers.route_board import RouteBoard
from core.managers.route_desk import RouteDesk
from core.managers.version_files import write_route
from core.schemas.route import Route

ROLL_S = 2.0
"""Records are written much more often than by default, so that each reading pays for it."""
ROLLBACK_COMMAND = (sys.executable, "-m", "apps.cli", "models", "rollback")
BENCH = {"who": "bench", "why": "measured"}
KEY = "of-the-bench-alone"
"""Of the management routes."""


@dataclass(frozen=True, kw_only=True)
class Routed:
    """A running system whose route can be changed from here.

    Parameters
    ----------
    running : Running
        What was started.
    desk : RouteDesk
        Changes the route of :data:`bench.versions.MODEL`.
    versions : tuple of str
        All that are registered and approved; the first is the champion at the start.
    models_dir, records_dir : Path
        Where versions and records are.
    env : dict of str to str
        What a command of this installation needs to know.
    """

    running: Running
    desk: RouteDesk
    versions: tuple[str, ...]
    models_dir: Path
    records_dir: Path
    env: dict[str, str]

    @property
    def port(self) -> int:
        """Where the web processes listen."""
        return int(self.running.url.rpartition(":")[2])

    def route_three(self) -> None:
        """Route three versions: a champion, a canary of a tenth, a shadow."""
        champion, canary, shadow, *_ = self.versions
        self.desk.deploy(MODEL, champion, **BENCH)
        self.desk.canary(MODEL, canary, 0.1, **BENCH)
        self.desk.shadow(MODEL, shadow, **BENCH)


@contextmanager
def routed_system(*, versions: int, record_share: float = 0.0) -> Iterator[Routed]:
    """Start what ``make run`` starts, on ``versions`` of the linear reference, the first of them its champion."""
    with tempfile.TemporaryDirectory(prefix="bench-rollout-") as name:
        folder = Path(name)
        models_dir, data_dir = folder / "models", folder / "data"
        url = f"sqlite:///{data_dir / 'runs.sqlite'}"
        engine = open_database(url)
        registry = Registry(engine, models_dir)
        known = store_versions(registry, models_dir, versions)
        write_route(models_dir, MODEL, Route(champion=known[0]))
        settings = {
            "MODELS_DIR": str(models_dir),
            "DATA_DIR": str(data_dir),
            "RECORD_SHARE": f"{record_share:g}",
            "RECORD_ROLL_S": f"{ROLL_S:g}",
            "ADMIN_API_KEY": KEY,
        }
        served = Served(name="linear", expected_min=known_answer(models_dir, known[0]), more=settings)
        with CONTENDERS["ours"].running(served) as running:
            board = RouteBoard(running.broker_url)
            rollout = Rollout(database_url=url, board=board, models_dir=models_dir)
            yield Routed(
                running=running,
                desk=rollout.desk,
                versions=known,
                models_dir=models_dir,
                records_dir=data_dir / "records",
                env=environment(**settings, CELERY_BROKER_URL=running.broker_url, LOG_DIR=str(folder / "logs")),
            )
            rollout.close()
        engine.dispose()
