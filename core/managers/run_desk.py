"""The runs as a web process asks for them. It loads this module by name, at the first question about runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from core.managers.database import open_database
from core.managers.run_creation import create_run
from core.managers.runs import Runs
from core.schemas.run import Run, RunParameters, RunRequest
from core.utilities.errors import DatabaseUnavailableError

NEWEST = 50


class RunDesk:
    """Runs for callers; safe in threads. Every method raises DatabaseUnavailableError where the database is away.

    Parameters
    ----------
    url : str
        Of the database of the runs.
    models_dir : Path
        ``repo/models``.
    """

    def __init__(self, url: str, *, models_dir: Path) -> None:
        self._engine = open_database(url)
        self._runs = Runs(self._engine)
        self._models_dir = models_dir

    def create(self, request: RunRequest) -> Run:
        """Queue a run for a worker."""
        parameters = RunParameters(**{name: getattr(request, name) for name in RunRequest.model_fields})
        with _available():
            return create_run(self._runs, parameters, self._models_dir, for_worker=True)

    def newest(self) -> list[Run]:
        """Return the newest runs, 50 at most."""
        with _available():
            return self._runs.newest(NEWEST)

    def get(self, run_id: str) -> Run:
        """Return a run; raises UnknownRunError."""
        with _available():
            return self._runs.get(run_id)

    def cancel(self, run_id: str) -> Run:
        """Cancel a run; raises UnknownRunError and RunStateError."""
        with _available():
            return self._runs.cancel(run_id)

    def resume(self, run_id: str) -> Run:
        """Leave a failed run to a worker; raises UnknownRunError and RunStateError."""
        with _available():
            return self._runs.requeue(run_id)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseUnavailableError("the database of the runs cannot be used now") from error
