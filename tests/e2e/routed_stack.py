"""An installation with versions of its own: what changes its route, and the recorder beside it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.handlers.base import TrainedModel
from core.managers.artifacts import load_version
from core.managers.database import open_database
from core.managers.registry import Registry
from core.managers.route_board import RouteBoard
from core.managers.route_desk import RouteDesk
from core.managers.route_history import RouteHistory
from core.managers.route_preparation import Preparer
from core.managers.version_files import write_route
from core.managers.versions import store_version
from core.schemas.catalog import TRIP_DURATION, CatalogEntry
from core.schemas.manifest import GoldenRows
from core.schemas.route import Route
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.core.managers.team_models import PaceModel
from tests.e2e.processes import Stack, running
from tests.e2e.team_models import CLASS, TeamModel

MODEL = TRIP_DURATION.model
ALLOWED = (*CLASSES, CLASS)
CHAMPION = "pace-1"
PREPARE_TIMEOUT_S = 60.0


class Routed:
    """A stack whose champion is ``pace-1``, one minute a mile; nothing runs yet."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.models_dir = stack.folder / "models"
        store_paced(self.models_dir, 1)
        write_route(self.models_dir, MODEL, Route(champion=CHAMPION))
        self.settings = {
            "MODELS_DIR": str(self.models_dir),
            "MODEL_ALLOWED_CLASSES": ",".join(ALLOWED),
        }

    def store_raising(self) -> str:
        """Store a version that is good but for the pickup zone ``RAISES``; return its id."""
        return self._store("team", TeamModel(), answer=13.0)

    def store_alike(self) -> str:
        """Store a version that answers as the champion; return its id."""
        return self._store("alike", PaceModel(1), answer=3.0)

    def _store(self, version: str, model: Any, *, answer: float) -> str:
        columns = {"PULocationID": [1], "DOLocationID": [2], "trip_distance": [3.0]}
        trained = TrainedModel(
            predictor=model,
            label=version,
            training_data={},
            parameters={},
            metrics={},
            golden_rows=GoldenRows(columns=columns, predictions=[answer]),
        )
        store_version(self.models_dir, trained, entry=TRIP_DURATION, version=version, allowed_classes=list(ALLOWED))
        return version

    @contextmanager
    def recorder(self, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the recorder; what it says is under ``apps/recorder``."""
        env = self.stack.env(**self.settings, **settings)
        with running(sys.executable, "-m", "apps.recorder", log=self.stack.folder / "recorder.log", env=env) as process:
            yield process

    @contextmanager
    def desk(
        self, *, models_dir: Path | None = None, timeout_s: float = PREPARE_TIMEOUT_S
    ) -> Iterator["tuple[RouteDesk, RouteHistory]"]:
        """Open the desk of this installation, and its history; on a machine with other versions if so said."""
        here = models_dir or self.models_dir
        engine = open_database(f"sqlite:///{self.stack.folder / 'data' / 'runs.sqlite'}")
        board, history = RouteBoard(self.stack.broker.url), RouteHistory(engine)
        try:
            yield (
                RouteDesk(
                    registry=Registry(engine, here),
                    history=history,
                    board=board,
                    preparer=Preparer(board=board, prove=self._prove, timeout_s=timeout_s),
                    models_dir=here,
                ),
                history,
            )
        finally:
            board.close()
            engine.dispose()

    def _prove(self, entry: CatalogEntry, version: str) -> None:
        load_version(self.folder(version), entry=entry, allowed_classes=ALLOWED)

    def folder(self, version: str) -> Path:
        """Return the folder of a version."""
        return self.models_dir / MODEL / version
