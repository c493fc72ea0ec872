"""Execute a run from its row: claim it, keep the lease, record each step, and say how it ended."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from core.managers.lease import RENEW_S
from core.managers.pipeline import Observer, execute
from core.managers.registry import Registry
from core.managers.runs import Claim, Runs
from core.managers.tracking import track
from core.managers.workplace import Workplace
from core.schemas.run import Run
from core.utilities.errors import RunInterruptedError, TripcastError


def execute_run(
    runs: Runs, run_id: str, workplace: Workplace, *, attempt: int | None = None, observer: Observer | None = None
) -> Run:
    """Execute a run, or what is left of it, and return it as it ended.

    Parameters
    ----------
    runs : Runs
        Where it is recorded.
    run_id : str
        Of a run that is queued, that failed, or whose process is gone.
    workplace : Workplace
        The folders.
    attempt : int, optional
        Attempts that the run must have had so far.
    observer : Observer, optional
        Told of each step after it was recorded.

    Raises
    ------
    UnknownRunError, RunStateError
        If it cannot be started.
    RunInterruptedError
        If it was cancelled, or taken over by another process.
    TripcastError
        What a step failed of; the run has recorded it.
    """
    claim = runs.claim(run_id, attempt=attempt)
    try:
        run = _execute(claim, workplace, observer, Registry(runs.engine, workplace.models_dir, store=workplace.store))
    except RunInterruptedError:
        raise
    except TripcastError:
        track(runs.get(run_id), workplace)
        raise
    track(run, workplace)
    return run


def _execute(claim: Claim, workplace: Workplace, observer: Observer | None, registry: Registry) -> Run:
    with _renewing(claim):
        try:
            recorder = _Recorder(claim, observer)
            version = execute(claim.run.id, claim.run.parameters, workplace, recorder, registry=registry)
        except RunInterruptedError:
            raise
        except TripcastError as error:
            claim.fail(str(error))
            raise
        except BaseException as error:
            # Also Ctrl-C, and what nobody foresaw: the row must not say that it still runs. It may be shown to
            # callers, so the message stays in this process.
            claim.fail(f"unexpectedly ended by {type(error).__name__}")
            raise
        return claim.succeed(version)


class _Recorder:
    """Records each step in the run, then tells the observer."""

    def __init__(self, claim: Claim, observer: Observer | None) -> None:
        self._claim = claim
        self._observer = observer

    def started(self, step: str, input_sha256: str) -> None:
        self._claim.begin_step(step, input_sha256)
        if self._observer is not None:
            self._observer.started(step, input_sha256)

    def finished(self, step: str, output_sha256: str, *, reused: bool, seconds: float) -> None:
        self._claim.end_step(step, output_sha256, reused=reused)
        if self._observer is not None:
            self._observer.finished(step, output_sha256, reused=reused, seconds=seconds)


@contextmanager
def _renewing(claim: Claim) -> Iterator[None]:
    """Renew the lease from a thread of its own: a step may take longer than a lease."""
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(RENEW_S):
            try:
                claim.renew()
            except RunInterruptedError:
                return  # the next record of a step will find out too
            except SQLAlchemyError:
                continue  # the database is away for a moment; the lease outlasts three tries

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
