"""What the commands of the pipeline share: the workplace, the database, progress, and errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from apps.cli.errors import INTERRUPTED
from apps.cli.settings import command_settings
from config import Settings
from core.managers.artifact_store import open_store
from core.managers.downloads import TLC_URL
from core.managers.workplace import Workplace
from core.schemas.run import Run, RunState
from core.utilities.errors import (
    DatabaseUnavailableError,
    DataError,
    DataQualityError,
    EvaluationGateError,
    TripcastError,
)

if TYPE_CHECKING:
    from core.managers.runs import Runs


def write_text(path: Path, text: str) -> None:
    """Write a file; raises DataError where it cannot be written."""
    try:
        path.write_text(text)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror})") from error


@contextmanager
def opened_runs(settings: Settings | None = None) -> Iterator["Runs"]:
    """Open the database of the runs."""
    # SQLAlchemy takes a quarter of a second to import, and other commands live without it.
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from core.managers.database import open_database  # noqa: PLC0415
    from core.managers.runs import Runs  # noqa: PLC0415

    engine = open_database((settings or command_settings()).runs_url)
    try:
        yield Runs(engine)
    except SQLAlchemyError as error:
        raise DatabaseUnavailableError(f"the database of the runs cannot be used ({type(error).__name__})") from error
    finally:
        engine.dispose()


def workplace_of(settings: Settings, *, url: str = TLC_URL, progress: "StepProgress | None" = None) -> Workplace:
    """Return the workplace that the settings name."""
    told = None if progress is None else progress.downloaded
    return Workplace(
        data_dir=settings.data_dir,
        models_dir=settings.models_dir,
        url=url,
        progress=told,
        allowed_classes=tuple(settings.model_allowed_classes),
        tracking_db=settings.tracking_db,
        store=open_store(settings.artifact_store, endpoint_url=settings.s3_endpoint_url),
    )


def carry_out(runs: "Runs", run_id: str, settings: Settings, *, url: str = TLC_URL) -> Run:
    """Execute a run with its progress on the terminal.

    Raises
    ------
    TripcastError
        As :func:`core.managers.run_execution.execute_run`; what a step failed of names the run and the way on.
    """
    # The libraries of the pipeline take two seconds to import, and most commands do without them.
    from core.managers.run_execution import execute_run  # noqa: PLC0415

    with StepProgress() as progress:
        try:
            return execute_run(runs, run_id, workplace_of(settings, url=url, progress=progress), observer=progress)
        except TripcastError as error:
            run = runs.get(run_id)
            if run.state is not RunState.FAILED:
                raise
            where = f"at step {run.step}" if run.step else "before its first step"
            raise type(error)(f"{error} (run {run_id} failed {where}; {_way_on(error, run_id)})") from error
        except KeyboardInterrupt:
            typer.echo(f"interrupted; {_resumption(run_id)}", err=True)
            raise typer.Exit(INTERRUPTED) from None


def _way_on(error: TripcastError, run_id: str) -> str:
    """Say what to do about a run that failed: what was judged would be judged the same again."""
    if isinstance(error, EvaluationGateError | DataQualityError):
        return "for other limits: --limits"
    return _resumption(run_id)


def _resumption(run_id: str) -> str:
    return f"to go on: python -m apps.cli pipeline resume {run_id}"


class StepProgress:
    """Shows on a terminal which step runs, and how far a download is; elsewhere it is silent."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "StepProgress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, step: str, input_sha256: str) -> None:
        """Show a step."""
        del input_sha256
        self._tasks[step] = self._progress.add_task(step, total=None)

    def finished(self, step: str, output_sha256: str, *, reused: bool, seconds: float) -> None:
        """Show that a step ended."""
        del output_sha256, seconds
        self._progress.update(
            self._tasks[step], description=f"{step} (there already)" if reused else step, total=1, completed=1
        )

    def downloaded(self, name: str, here: int, whole: int) -> None:
        """Show how far a download is."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(f"  {name}", total=whole)
        self._progress.update(self._tasks[name], completed=here, total=whole)
