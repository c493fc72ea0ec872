"""Runs of the training pipeline over Celery."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from celery import Task, shared_task
from loguru import logger

from config import Settings
from core.managers.database import open_database
from core.managers.runs import Runs
from core.utilities.errors import RunInterruptedError, RunStateError, TripcastError, UnknownRunError
from tasks.pipeline.app import EXECUTE_RUN, LOOK_FOR_DATA, START_RUN

if TYPE_CHECKING:
    from core.managers.workplace import Workplace

SETTLED = 0.9
"""Share of the time between two looks for which a file stays the same; messages are not exactly as far apart."""


@shared_task(bind=True, name=EXECUTE_RUN)
def execute(self: Task, run_id: str, attempt: int) -> None:  # noqa: D417 (`self` is bound by Celery)
    """Execute a run, or what is left of it; how it ends is recorded in its row.

    Parameters
    ----------
    run_id : str
        Of the run.
    attempt : int
        Attempts that it has had; with more, the message is an old one and is dropped.
    """
    # Only here, in the process that a run has for itself: they hold 240 MiB, and a worker mostly waits.
    from core.managers.run_execution import execute_run  # noqa: PLC0415

    settings = self.app.settings
    with _opened(settings) as (runs, workplace):
        try:
            run = execute_run(runs, run_id, workplace, attempt=attempt)
            logger.bind(run_id=run_id, version=run.version).info("run succeeded")
        except (RunStateError, RunInterruptedError, UnknownRunError) as error:
            logger.bind(run_id=run_id).info("run not executed here: {}", error)
        except TripcastError as error:
            logger.bind(run_id=run_id).warning("run failed: {}", error)


@shared_task(bind=True, name=LOOK_FOR_DATA)
def look_for_data(self: Task) -> None:
    """Take in what is new in the watched place; without a schedule, a run on it starts at once."""
    from core.managers.automatic_run import start_if_new  # noqa: PLC0415
    from core.managers.data_watch import DataWatch  # noqa: PLC0415
    from core.managers.raw_store import RawStore  # noqa: PLC0415
    from core.managers.watched_files import WatchedFiles  # noqa: PLC0415

    settings = self.app.settings
    with _opened(settings) as (runs, workplace):
        watch = DataWatch(
            settings.pipeline_watch,
            store=RawStore(workplace.raw_dir),
            files=WatchedFiles(runs.engine),
            settle_s=settings.pipeline_watch_s * SETTLED,
        )
        try:
            watch.look()
            # Also where nothing was taken in: another look may have done that, and died before the run.
            if not settings.pipeline_schedule:
                start_if_new(runs, workplace, train_months=settings.pipeline_train_months)
        except TripcastError as error:
            logger.warning("the watched place was not looked at: {}", error)


@shared_task(bind=True, name=START_RUN)
def start_run(self: Task) -> None:
    """Start a run on the newest months, if there is anything new."""
    from core.managers.automatic_run import start_if_new  # noqa: PLC0415

    settings = self.app.settings
    with _opened(settings) as (runs, workplace):
        try:
            start_if_new(runs, workplace, train_months=settings.pipeline_train_months)
        except TripcastError as error:
            logger.warning("no run could be started: {}", error)


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Runs, "Workplace"]]:
    """Open the database of the runs: here and not before the fork, as connections do not survive one."""
    from core.managers.artifact_store import open_store  # noqa: PLC0415
    from core.managers.workplace import Workplace  # noqa: PLC0415

    engine = open_database(settings.runs_url)
    try:
        yield (
            Runs(engine),
            Workplace(
                data_dir=settings.data_dir,
                models_dir=settings.models_dir,
                allowed_classes=tuple(settings.model_allowed_classes),
                tracking_db=settings.tracking_db,
                store=open_store(settings.artifact_store, endpoint_url=settings.s3_endpoint_url),
            ),
        )
    finally:
        engine.dispose()
