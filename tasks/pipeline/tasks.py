"""Runs of the training pipeline over Celery."""

from celery import Task, shared_task
from loguru import logger

from core.managers.database import open_database
from core.managers.runs import Runs
from core.utilities.errors import RunInterruptedError, RunStateError, TripcastError, UnknownRunError
from tasks.pipeline.app import EXECUTE_RUN


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
    from core.managers.workplace import Workplace  # noqa: PLC0415

    settings = self.app.settings
    # Opened here and not before the fork: connections do not survive one.
    engine = open_database(settings.runs_url)
    try:
        workplace = Workplace(
            data_dir=settings.data_dir,
            models_dir=settings.models_dir,
            allowed_classes=tuple(settings.model_allowed_classes),
            tracking_db=settings.tracking_db,
        )
        run = execute_run(Runs(engine), run_id, workplace, attempt=attempt)
        logger.bind(run_id=run_id, version=run.version).info("run succeeded")
    except (RunStateError, RunInterruptedError, UnknownRunError) as error:
        logger.bind(run_id=run_id).info("run not executed here: {}", error)
    except TripcastError as error:
        logger.bind(run_id=run_id).warning("run failed: {}", error)
    finally:
        engine.dispose()
