"""The runs: a row each, whose state changes only as the state machine says.

A process that executes a run holds its lease: it writes only as long as the row names it as the owner, so a process that
stalled and was replaced can no longer change anything (a fence).
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.managers.lease import LEASE_S, is_gone, new_owner
from core.managers.run_tables import RunRow, StepRow
from core.schemas.run import Run, RunEvent, RunParameters, RunState
from core.services.run_state import next_state
from core.utilities.clock import uuid7
from core.utilities.errors import RunInterruptedError, RunStateError, UnknownRunError

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Runs:
    """The runs in a database.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        As :func:`core.managers.database.open_database` gives it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """The database."""
        return self._engine

    def create(self, parameters: RunParameters, *, for_worker: bool = False, occasion: str | None = None) -> Run:
        """Queue a run, for a worker or for whoever claims it; its parameters never change again.

        Raises
        ------
        RunStateError
            If there is a run of that occasion.
        """
        row = RunRow(
            id=uuid7(),
            state=RunState.QUEUED.value,
            parameters=parameters.model_dump(mode="json"),
            for_worker=for_worker,
            attempt=0,
            created_at=_now(),
            occasion=occasion,
        )
        try:
            with Session(self._engine) as session, session.begin():
                session.add(row)
                session.flush()
                return _read(row)
        except IntegrityError as error:
            raise RunStateError("there is a run of that occasion already") from error

    def get(self, run_id: str) -> Run:
        """Return a run with its steps.

        Raises
        ------
        UnknownRunError
            If there is none of that id.
        """
        with Session(self._engine) as session, session.begin():
            return _read(_row(session, run_id))

    def newest(self, limit: int = 20) -> list[Run]:
        """Return the newest runs, the last created first."""
        with Session(self._engine) as session, session.begin():
            rows = session.scalars(select(RunRow).order_by(RunRow.created_at.desc(), RunRow.id.desc()).limit(limit))
            return [_read(row) for row in rows]

    def requeue(self, run_id: str) -> Run:
        """Leave a failed run to a worker, which goes on at the step that failed.

        Raises
        ------
        UnknownRunError, RunStateError
            If there is no such run, or it has not failed.
        """
        with Session(self._engine) as session, session.begin():
            row = _row(session, run_id, lock=True)
            _change(row, RunEvent.REQUEUE, for_worker=True, finished_at=None, error=None)
            return _read(row)

    def left_to_workers(self) -> list[Run]:
        """Return the runs that a worker should execute and none does: queued ones, and those whose process is gone."""
        waiting = (RunState.QUEUED.value, RunState.RUNNING.value)
        with Session(self._engine) as session, session.begin():
            rows = session.scalars(
                select(RunRow).where(RunRow.for_worker, RunRow.state.in_(waiting)).order_by(RunRow.created_at)
            )
            return [_read(row) for row in rows if row.state == RunState.QUEUED.value or _is_left(row)]

    def cancel(self, run_id: str) -> Run:
        """Cancel a run; the process that executes it notices before its next step.

        Raises
        ------
        UnknownRunError, RunStateError
            If there is no such run, or it has ended.
        """
        with Session(self._engine) as session, session.begin():
            row = _row(session, run_id, lock=True)
            _change(row, RunEvent.CANCEL, finished_at=_now())
            return _read(row)

    def claim(self, run_id: str, *, attempt: int | None = None) -> "Claim":
        """Start a run, or resume it: one that is queued, that failed, or whose process is gone.

        Parameters
        ----------
        run_id : str
            Of the run.
        attempt : int, optional
            Attempts that the run must have had so far: a message that comes twice starts it once.

        Raises
        ------
        UnknownRunError, RunStateError
            If there is no such run, it has ended, or another process is at it.
        """
        with Session(self._engine) as session, session.begin():
            row = _row(session, run_id, lock=True)
            if attempt is not None and attempt != row.attempt:
                raise RunStateError(f"run {run_id} was started since")
            if row.state == RunState.RUNNING.value and not _is_left(row):
                raise RunStateError(f"run {run_id} is running already, in {row.owner}")
            owner = new_owner()
            _change(
                row,
                RunEvent.START,
                owner=owner,
                attempt=row.attempt + 1,
                started_at=row.started_at or _now(),
                finished_at=None,
                error=None,
                lease_until=_now() + timedelta(seconds=LEASE_S),
            )
            return Claim(self._engine, _read(row), owner=owner)


class Claim:
    """The right to execute a run, until another process takes it or the run is cancelled.

    Every method raises RunInterruptedError where that has happened.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Of the database.
    run : Run
        As it was claimed.
    owner : str
        This claim's name in the row.
    """

    def __init__(self, engine: Engine, run: Run, *, owner: str) -> None:
        self._engine = engine
        self._owner = owner
        self.run = run

    def renew(self) -> None:
        """Hold the lease for longer."""
        with Session(self._engine) as session, session.begin():
            self._held(session).lease_until = _now() + timedelta(seconds=LEASE_S)

    def begin_step(self, step: str, input_sha256: str) -> None:
        """Record that a step begins."""
        with Session(self._engine) as session, session.begin():
            row = self._held(session)
            row.step = step
            row.steps.append(
                StepRow(step=step, attempt=row.attempt, input_sha256=input_sha256, reused=False, started_at=_now())
            )

    def end_step(self, step: str, output_sha256: str, *, reused: bool) -> None:
        """Record what a step gave."""
        with Session(self._engine) as session, session.begin():
            row = self._held(session)
            session.execute(
                update(StepRow)
                .where(StepRow.run_id == row.id, StepRow.attempt == row.attempt, StepRow.step == step)
                .values(output_sha256=output_sha256, reused=reused, finished_at=_now())
            )

    def succeed(self, version: str | None) -> Run:
        """Record what the run registered, None where it was asked to end before."""
        return self._end(RunEvent.SUCCEED, version=version, step=None)

    def fail(self, error: str) -> Run:
        """Record why the run failed; the row still names the step."""
        return self._end(RunEvent.FAIL, error=error)

    def _end(self, event: RunEvent, **values: Any) -> Run:  # noqa: ANN401 (columns)
        with Session(self._engine) as session, session.begin():
            row = self._held(session)
            _change(row, event, finished_at=_now(), lease_until=None, **values)
            return _read(row)

    def _held(self, session: Session) -> RunRow:
        """Return the row, locked, if it is still ours."""
        row = _row(session, self.run.id, lock=True)
        if row.state == RunState.CANCELLED.value:
            raise RunInterruptedError(f"run {row.id} was cancelled")
        if row.owner != self._owner or row.state != RunState.RUNNING.value:
            raise RunInterruptedError(f"run {row.id} was taken over by {row.owner}")
        return row


def _row(session: Session, run_id: str, *, lock: bool = False) -> RunRow:
    # SQLite has no row locks and needs none: its transactions are one at a time here.
    query = select(RunRow).where(RunRow.id == run_id)
    # What is no id is not asked for: PostgreSQL refuses texts with a zero byte.
    row = session.scalar(query.with_for_update() if lock else query) if _ID.fullmatch(run_id) else None
    if row is None:
        raise UnknownRunError("there is no such run")
    return row


def _change(row: RunRow, event: RunEvent, **values: Any) -> None:  # noqa: ANN401 (columns)
    row.state = next_state(RunState(row.state), event).value
    for name, value in values.items():
        setattr(row, name, value)


def _is_left(row: RunRow) -> bool:
    return row.owner is None or row.lease_until is None or row.lease_until < _now() or is_gone(row.owner)


def _read(row: RunRow) -> Run:
    return Run.model_validate(row, from_attributes=True)


def _now() -> datetime:
    return datetime.now(UTC)
