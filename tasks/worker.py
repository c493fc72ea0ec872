"""Entry point of a worker: ``celery -A tasks.worker worker -P gevent -Q tasks.trip,tasks.trip.quarantine``.

Celery's command line looks for ``app`` in this module and has monkey-patched for gevent before it does.
"""

import os
import socket
import sys
import time
import uuid
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from celery import signals
from celery.platforms import SecurityWarning
from celery.worker import state
from loguru import logger

from config import Settings, load_settings, warn_of_misspelt_settings
from core.managers.accelerator import Accelerator
from core.managers.heartbeat_writer import HeartbeatWriter
from core.managers.predictor import BatchPredictor, Run, run_here
from core.managers.retirement import Retirement
from core.managers.version_keeper import Aside, VersionKeeper, at_once
from core.managers.watchdog import Watchdog
from core.schemas.catalog import TRIP_DURATION
from core.schemas.heartbeat import Heartbeat
from core.schemas.wire import MIXED_WIRE_VERSION
from core.utilities.errors import ArtifactError, SettingsError
from core.utilities.heap import settle_heap
from core.utilities.logging import configure_logging
from tasks.app import TripcastCelery, create_celery
from tasks.codec import register_json
from tasks.device import choose_device
from tasks.models import create_predictor

ValueT = TypeVar("ValueT")
HUB_WAIT_S = 0.0005
"""The hub waits for the interpreter's lock no longer than this while a model computes, each time that it has read or
written something. Python's 5 ms, some six times a batch, would be longer than many a batch."""


def create_worker_app() -> TripcastCelery:
    """Return the Celery application of a worker process, with the hooks that make it one.

    A wrong setting ends the process with one line.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(f"tripcast worker: {error}")
    # Celery warns root of pickled messages; only JSON is accepted here.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    register_json()
    celery = create_celery(settings)
    WorkerProcess(celery, settings).connect()
    return celery


class WorkerProcess:
    """One worker process: connects logging, models, heartbeat and watchdog to Celery's signals."""

    def __init__(self, celery: TripcastCelery, settings: Settings) -> None:
        self._celery = celery
        self._settings = settings
        self._heartbeat: HeartbeatWriter | None = None
        self._watchdog: Watchdog | None = None
        self._retirement: Retirement | None = None
        self._keeper: VersionKeeper | None = None

    def connect(self) -> None:
        """Follow the signals from now on; Celery keeps this object alive."""
        signals.setup_logging.connect(self._keep_celery_from_logging, weak=False)
        signals.worker_init.connect(self._load, weak=False)
        signals.worker_ready.connect(self._begin, weak=False)
        signals.worker_shutting_down.connect(self._drain, weak=False)
        signals.worker_shutdown.connect(self._end, weak=False)

    def _keep_celery_from_logging(self, **_: Any) -> None:  # noqa: ANN401 (Celery's signals)
        """Having a receiver, Celery sets up no logging of its own."""

    def _load(self, sender: Any, **_: Any) -> None:  # noqa: ANN401
        directory = self._settings.log_dir / "tasks" / TRIP_DURATION.resource
        configure_logging(directory=directory, process="worker", level=self._settings.log_level)
        warn_of_misspelt_settings()
        sys.setswitchinterval(HUB_WAIT_S)
        gevent = _is_pool(sender.pool_cls, "gevent")
        accelerator = _choose_device(
            self._settings, forks=_is_pool(sender.pool_cls, "prefork"), turn=_native_lock() if gevent else None
        )
        self._celery.predictor, self._keeper = _create_predictor(
            self._settings,
            run=_gevent_runner() if gevent else run_here,
            aside=_gevent_aside() if gevent else at_once,
            apart=_gevent_aside() if gevent else at_once,
            accelerator=accelerator,
        )

    def _begin(self, sender: Any, **_: Any) -> None:  # noqa: ANN401
        """Start when the first connection stands; the signal comes again after each reconnect."""
        if self._heartbeat is not None or self._keeper is None:
            return
        predictor = self._celery.predictor
        queues = [queue.name for queue in sender.task_consumer.queues]
        self._heartbeat = HeartbeatWriter(
            self._settings.result_backend_url,
            compose=_heartbeat_composer(predictor, self._keeper, queues=queues),
            file=self._settings.heartbeat_file,
        )
        self._heartbeat.start()
        self._keeper.start()
        self._watchdog = Watchdog(self._settings.model_timeout_s, busy_since=lambda: predictor.busy_since)
        self._watchdog.start()
        self._retirement = Retirement(
            max_rows=self._settings.worker_max_rows,
            max_mib=self._settings.worker_max_mib,
            rows_done=lambda: predictor.rows_done,
        )
        self._retirement.start()
        settle_heap()

    def _drain(self, **_: Any) -> None:  # noqa: ANN401
        if self._heartbeat is not None:
            self._heartbeat.drain()

    def _end(self, **_: Any) -> None:  # noqa: ANN401
        if self._retirement is not None:
            self._retirement.stop()
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._keeper is not None:
            self._keeper.stop()
        if self._heartbeat is not None:
            self._heartbeat.stop()


def _choose_device(settings: Settings, *, forks: bool, turn: AbstractContextManager[Any] | None) -> Accelerator | None:
    """Find the device; a worker that shall have a GPU does not start without one."""
    try:
        return choose_device(settings, forks=forks, turn=turn)
    except SettingsError as error:
        logger.error("the worker does not start: {}", error)
        sys.exit(f"tripcast worker: {error}")


def _create_predictor(
    settings: Settings, *, run: Run, aside: Aside, apart: Aside, accelerator: Accelerator | None
) -> tuple[BatchPredictor, VersionKeeper]:
    """Load the models; a worker without its models does not start."""
    try:
        return create_predictor(
            settings, worker=_process_name(), run=run, aside=aside, apart=apart, accelerator=accelerator
        )
    except ArtifactError as error:
        logger.error("the worker does not start: {}", error)
        sys.exit(1)


def _process_name() -> str:
    """Return a name that no other process has, not even a later one with the same pid."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _is_pool(pool: Any, name: str) -> bool:  # noqa: ANN401 (Celery's)
    return bool(getattr(pool, "__module__", "").endswith(name))


def _native_lock() -> AbstractContextManager[Any]:
    """Return a lock that native threads wait for as such; the hub's kind would need a hub in each of them."""
    from gevent.monkey import get_original  # noqa: PLC0415 (only where gevent is the pool)

    lock: AbstractContextManager[Any] = get_original("threading", "Lock")()
    return lock


def _gevent_runner() -> Run:
    """Return what computes in a native thread, so that the hub keeps beating."""
    from gevent import get_hub  # noqa: PLC0415 (only where gevent is the pool)
    from gevent.threadpool import ThreadPool  # noqa: PLC0415

    from tasks.turns import Turns  # noqa: PLC0415

    # One thread: the computation holds the GIL, more threads would only take turns and starve the hub.
    return Turns(ThreadPool(1, hub=get_hub())).run


def _gevent_aside() -> Aside:
    """Return what loads or fetches versions in a native thread of its own."""
    from gevent import get_hub  # noqa: PLC0415 (only where gevent is the pool)
    from gevent.threadpool import ThreadPool  # noqa: PLC0415

    from tasks.turns import call_in  # noqa: PLC0415

    threads = ThreadPool(1, hub=get_hub())

    def aside(function: Callable[[], ValueT], /) -> ValueT:
        return call_in(threads, function)

    return aside


def _heartbeat_composer(
    predictor: BatchPredictor, keeper: VersionKeeper, *, queues: list[str]
) -> Callable[[int, bool], Heartbeat]:
    """Return a function that describes this process as it is at the moment of the call."""
    last = (time.monotonic(), predictor.rows_done)

    def compose(beat: int, draining: bool) -> Heartbeat:
        nonlocal last
        now, rows = time.monotonic(), predictor.rows_done
        rate = (rows - last[1]) / max(now - last[0], 1e-9)
        last = (now, rows)
        # Celery forgets what is reserved when it loses the broker, but what is active still runs.
        in_hand = {request.id: request for request in (*state.reserved_requests, *state.active_requests)}
        batches, failures = predictor.models.device_counts
        return Heartbeat(
            id=predictor.worker,
            host=socket.gethostname(),
            pid=os.getpid(),
            queues=queues,
            models=predictor.models.held(),
            fixed=predictor.models.fixed,
            failed=keeper.failed(),
            wire=MIXED_WIRE_VERSION,
            device=predictor.models.device,
            device_batches=batches,
            device_failures=failures,
            rows_per_s=rate,
            rows_in_hand=predictor.rows_in_hand,
            tasks_in_hand=list(in_hand),
            beat=beat,
            draining=draining,
            time=time.time(),
        )

    return compose


app = create_worker_app()
