"""An installation whose route is changed while it runs, on versions that tell themselves apart by value."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from bench.route_load import Answer, RouteLoad
from bench.verdict import Journal, judge
from core.handlers.base import TrainedModel
from core.managers.registry import Registry
from core.managers.rollout import Rollout
from core.managers.route_board import RouteBoard
from core.managers.route_desk import RouteDesk
from core.managers.route_history import RouteHistory
from core.managers.version_files import read_route, write_route
from core.managers.version_proof import LocalProof
from core.managers.versions import store_version
from core.schemas.catalog import TRIP_DURATION
from core.schemas.manifest import GoldenRows
from core.schemas.route import Route
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.e2e.processes import create_stack, running
from tests.e2e.team_models import CLASS, GATED_CLASS, SLOW_CLASS
from tests.promises import LateError

MODEL = TRIP_DURATION.model
ADA = {"who": "ada", "why": "it is better"}
PACES = range(1, 7)
TRIPS = [{"PULocationID": 130, "DOLocationID": 205, "trip_distance": miles} for miles in (1.0, 2.5, 3.0, 8.0)]
SLACK_S = 0.5
"""Added to the grace that a version has: the client reads its answers when the machine lets it."""
ALLOWED = (*CLASSES, CLASS, GATED_CLASS, SLOW_CLASS)
CHAMPION = "pace-1"
MEMORY_MIB = 1.0


class Installation:
    """A stack with versions of its own, the first is the champion, and a desk of its routes; nothing runs yet.

    Parameters
    ----------
    folder : Path
        For its files.
    paces : iterable of int
        ``pace-<pace>`` is stored for each.
    """

    def __init__(self, folder: Path, *, paces: Iterable[int] = PACES) -> None:
        self.stack, self.models_dir = create_stack(folder), folder / "models"
        for pace in paces:
            store_paced(self.models_dir, pace)
        write_route(self.models_dir, MODEL, Route(champion=CHAMPION))
        self.rollout = self._open(self.models_dir)
        self.board = RouteBoard(self.stack.broker.url)

    @property
    def registry(self) -> Registry:
        """The versions."""
        return self.rollout.registry

    @property
    def history(self) -> RouteHistory:
        """The changes of routes."""
        return self.rollout.history

    @property
    def desk(self) -> RouteDesk:
        """Changes the route."""
        return self.rollout.desk

    @contextmanager
    def elsewhere(self, models_dir: Path) -> Iterator[Rollout]:
        """Open the same routes on a machine with other versions."""
        with self._open(models_dir) as rollout:
            yield rollout

    def _open(self, models_dir: Path) -> Rollout:
        return Rollout(
            database_url=f"sqlite:///{self.stack.folder / 'data' / 'runs.sqlite'}",
            board=RouteBoard(self.stack.broker.url),
            models_dir=models_dir,
            proof=LocalProof(models_dir=self.models_dir, allowed_classes=ALLOWED),
            timeout_s=60.0,
        )

    def settings(self, **more: str) -> dict[str, str]:
        """Return what its workers and web processes are told."""
        return {
            "MODELS_DIR": str(self.models_dir),
            "MODEL_ALLOWED_CLASSES": ",".join(ALLOWED),
            "MODEL_MEMORY_MIB": f"{MEMORY_MIB:g}",
            **more,
        }

    @contextmanager
    def recorder(self, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the recorder; what it says is under ``apps/recorder``."""
        env = self.stack.env(**self.settings(**settings))
        with running(sys.executable, "-m", "apps.recorder", log=self.stack.folder / "recorder.log", env=env) as process:
            yield process

    def folder(self, version: str) -> Path:
        """Return the folder of a version."""
        return self.models_dir / MODEL / version

    def route(self) -> Route:
        """Return the route as it is stored."""
        return read_route(self.models_dir, MODEL)

    def spread(self) -> Route | None:
        """Return the route that is on the board, None where there is none to be seen."""
        try:
            return self.board.read().get(MODEL)
        except redis.RedisError:
            return None

    def answered_by(self) -> str:
        """Ask for one prediction, and return who gave it; empty if nobody did."""
        answer = self.stack.predict()
        return str(answer.json()["model_version"]) if answer.status_code == 200 else ""


@contextmanager
def routed(folder: Path, *, web_workers: int = 1) -> Iterator[Installation]:
    """Run an installation with one worker; returns once it serves."""
    installation = Installation(folder)
    settings = installation.settings(WEB_WORKERS=str(web_workers))
    with installation.stack.running(worker=settings, **settings):
        yield installation


def store_model(
    installation: Installation, version: str, model: Any, *, pace: float = 1.0, offset_min: float = 0.0
) -> str:
    """Store a version that predicts ``pace`` minutes a mile and ``offset_min`` more; return its id."""
    columns = {name: [trip[name] for trip in TRIPS] for name in TRIPS[0]}
    predictions = [pace * trip["trip_distance"] + offset_min for trip in TRIPS]
    trained = TrainedModel(
        predictor=model,
        label=version,
        training_data={},
        parameters={},
        metrics={},
        golden_rows=GoldenRows(columns=columns, predictions=predictions),
    )
    store_version(installation.models_dir, trained, entry=TRIP_DURATION, version=version, allowed_classes=ALLOWED)
    return version


def values(**others: int) -> Mapping[str, Sequence[float]]:
    """Return what each version answers to ``TRIPS``; ``others`` are paces of versions with another name."""
    paces = {f"pace-{pace}": pace for pace in PACES} | {name.replace("_", "-"): pace for name, pace in others.items()}
    return {version: [pace * trip["trip_distance"] for trip in TRIPS] for version, pace in paces.items()}


async def change_under_load(
    installation: Installation,
    changes: Sequence[Callable[[], object]],
    *,
    connections: int = 8,
    pause_s: float = 0.1,
    beside: Callable[[], Awaitable[None]] | None = None,
) -> tuple[list[Answer], Journal]:
    """Make the changes one after the other while requests come without end; return the answers and the routes.

    ``beside`` is run along with the changes.
    """
    load = RouteLoad(port=installation.stack.http_port, trips=TRIPS, connections=connections)
    journal = Journal()
    journal.note(installation.route().answering, called_at=0.0, done_at=0.0)

    async def change_all() -> None:
        for change in changes:
            await asyncio.sleep(pause_s)
            called_at = time.monotonic()
            await asyncio.to_thread(change)
            journal.note(installation.route().answering, called_at=called_at, done_at=time.monotonic())

    async with load.beside(), asyncio.TaskGroup() as group:
        group.create_task(change_all())
        if beside is not None:
            group.create_task(_run(beside))
    return load.answers, journal


async def _run(function: Callable[[], Awaitable[None]]) -> None:
    await function()


def check_all(answers: Sequence[Answer], journal: Journal, **others: int) -> None:
    """Fail if a request failed or an answer is untrue; with `LateError` if one came from a version no longer routed."""
    verdict = judge(answers, journal, values(**others), slack_s=SLACK_S)
    assert verdict.answers > 0
    assert verdict.failed == 0, [answer for answer in answers if answer.status != 200][:3]
    assert verdict.untrue == 0, verdict
    if verdict.stale:
        raise LateError(f"{verdict.stale} answers came from a version that was no longer routed")
