"""Entry point of a pipeline worker: ``celery -A tasks.pipeline.worker worker -P prefork -c 1 -Q tasks.pipeline``.

And of the process that sends what starts by itself: ``celery -A tasks.pipeline.worker beat``.

Training keeps a processor busy for long, which a gevent worker could not bear: here each run has a process of its own.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

from celery import signals
from celery.platforms import SecurityWarning
from kombu.exceptions import OperationalError

from config import Settings, load_settings, warn_of_misspelt_settings
from core.managers.database import open_database
from core.managers.run_dispatch import RunDispatcher
from core.managers.runs import Runs
from core.utilities.errors import BrokerUnavailableError, DatabaseUnavailableError, SettingsError
from core.utilities.logging import configure_logging
from tasks.pipeline.app import EXECUTE_RUN, PipelineCelery, create_pipeline_celery


def create_worker_app() -> PipelineCelery:
    """Return the Celery application of a pipeline worker; a wrong setting ends the process with one line."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(f"tripcast pipeline: {error}")
    # Celery warns root of pickled messages; only JSON is accepted here.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    celery = create_pipeline_celery(settings)
    PipelineProcess(celery, settings).connect()
    return celery


class PipelineProcess:
    """The parent process of a pipeline worker: logging, and the thread that looks for waiting runs."""

    def __init__(self, celery: PipelineCelery, settings: Settings) -> None:
        self._celery = celery
        self._settings = settings
        self._dispatcher: RunDispatcher | None = None

    def connect(self) -> None:
        """Follow Celery's signals from now on; Celery keeps this object alive."""
        signals.setup_logging.connect(self._keep_celery_from_logging, weak=False)
        signals.worker_init.connect(self._log, weak=False)
        signals.worker_process_init.connect(self._log, weak=False)
        signals.beat_init.connect(self._log_beat, weak=False)
        signals.worker_ready.connect(self._begin, weak=False)
        signals.worker_shutting_down.connect(self._end, weak=False)

    def _keep_celery_from_logging(self, **_: Any) -> None:  # noqa: ANN401 (Celery's signals)
        """Having a receiver, Celery sets up no logging of its own.

        The one signal before beat opens the file of its schedule: by ``beat_init`` it has.
        """
        Path(self._celery.conf.beat_schedule_filename).parent.mkdir(parents=True, exist_ok=True)

    def _log(self, **_: Any) -> None:  # noqa: ANN401
        directory = self._settings.log_dir / "tasks" / "pipeline"
        configure_logging(directory=directory, process="worker", level=self._settings.log_level)

    def _log_beat(self, **_: Any) -> None:  # noqa: ANN401
        directory = self._settings.log_dir / "tasks" / "pipeline"
        configure_logging(directory=directory, process="beat", level=self._settings.log_level)

    def _begin(self, **_: Any) -> None:  # noqa: ANN401
        """Start when the first connection stands, after the pool has forked; the signal comes again later."""
        if self._dispatcher is not None:
            return
        warn_of_misspelt_settings()
        try:
            engine = open_database(self._settings.runs_url)
        except DatabaseUnavailableError as error:
            sys.exit(f"tripcast pipeline: {error}")
        self._dispatcher = RunDispatcher(Runs(engine), self._send)
        self._dispatcher.start()

    def _send(self, run_id: str, attempt: int) -> None:
        try:
            self._celery.send_task(EXECUTE_RUN, args=[run_id, attempt], retry=False)
        except OperationalError as error:
            raise BrokerUnavailableError("the pipeline's broker cannot be reached") from error

    def _end(self, **_: Any) -> None:  # noqa: ANN401
        if self._dispatcher is not None:
            self._dispatcher.stop()


app = create_worker_app()
