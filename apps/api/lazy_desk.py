"""The way from a web process to a database: opened at the first question, so that who only predicts pays nothing."""

import asyncio
import importlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

from config import Settings
from core.schemas.route import Route
from core.schemas.route_request import RouteRequest
from core.schemas.run import Run, RunRequest
from core.schemas.version import Reason, RouteChange, VersionDetails, VersionEvent, VersionRecord

RUN_DESK, VERSION_DESK = "core.managers.run_desk", "core.managers.version_desk"
"""Named and not imported: with their libraries they take up to a second and 20 MiB, and most web processes never ask."""
POSTGRESQL_DRIVER = "psycopg"
THREADS = 4
"""That wait for a database, or for workers that load a version; the event loop's own threads stay free."""
Answer = TypeVar("Answer")


class Closing(Protocol):
    """What has connections."""

    def close(self) -> None: ...  # noqa: D102


class RunDesk(Closing, Protocol):
    """What the desk of the runs does: see :class:`core.managers.run_desk.RunDesk`."""

    def create(self, request: RunRequest) -> Run: ...  # noqa: D102
    def newest(self) -> list[Run]: ...  # noqa: D102
    def get(self, run_id: str) -> Run: ...  # noqa: D102
    def cancel(self, run_id: str) -> Run: ...  # noqa: D102
    def resume(self, run_id: str) -> Run: ...  # noqa: D102


class VersionDesk(Closing, Protocol):
    """What the desk of the versions does: see :class:`core.managers.version_desk.VersionDesk`."""

    def versions(self, model: str) -> Sequence[VersionRecord]: ...  # noqa: D102
    def details(self, model: str, version: str) -> VersionDetails: ...  # noqa: D102
    def change(self, model: str, version: str, event: VersionEvent, reason: Reason) -> VersionRecord: ...  # noqa: D102
    def route(self, model: str) -> Route | None: ...  # noqa: D102
    def history(self, model: str) -> Sequence[RouteChange]: ...  # noqa: D102
    def change_route(self, model: str, request: RouteRequest) -> RouteChange: ...  # noqa: D102


DeskT = TypeVar("DeskT", bound=Closing)


class LazyDesk(Generic[DeskT]):
    """Asks a desk, in threads of its own: a database may take its time.

    Parameters
    ----------
    open_desk : callable
        Called at the first question, in such a thread; once more if it raised.
    modules : sequence of str
        What :meth:`load` imports.
    """

    def __init__(self, open_desk: Callable[[], DeskT], *, modules: Sequence[str] = ()) -> None:
        self._open_desk = open_desk
        self._modules = modules
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="desk")
        self._lock = threading.Lock()
        self._desk: DeskT | None = None

    def load(self) -> None:
        """Import what the desk is made of in one of those threads, so that a first question that is urgent need not."""
        for module in self._modules:
            self._threads.submit(importlib.import_module, module)

    async def ask(self, question: Callable[[DeskT], Answer]) -> Answer:
        """Return what the desk answers to ``question``, or raise what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, question)

    def close(self) -> None:
        """Close the connections, if there are any."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._desk is not None:
            self._desk.close()

    def _ask(self, question: Callable[[DeskT], Answer]) -> Answer:
        with self._lock:
            if self._desk is None:
                self._desk = self._open_desk()
            desk: DeskT = self._desk
        return question(desk)


def lazy_runs(settings: Settings) -> LazyDesk[RunDesk]:
    """Return the way to the runs of the pipeline."""

    def open_desk() -> RunDesk:
        module: Any = importlib.import_module(RUN_DESK)
        desk: RunDesk = module.RunDesk(settings.runs_url, models_dir=settings.models_dir)
        return desk

    return LazyDesk(open_desk)


def lazy_versions(settings: Settings) -> LazyDesk[VersionDesk]:
    """Return the way to the versions of the models and their routes."""

    def open_desk() -> VersionDesk:
        module: Any = importlib.import_module(VERSION_DESK)
        desk: VersionDesk = module.VersionDesk(
            settings.runs_url, backend_url=settings.result_backend_url, models_dir=settings.models_dir
        )
        return desk

    driver = () if settings.runs_url.startswith("sqlite:") else (POSTGRESQL_DRIVER,)
    return LazyDesk(open_desk, modules=(VERSION_DESK, *driver))
