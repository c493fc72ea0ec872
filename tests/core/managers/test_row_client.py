"""Single rows under a route that changes, with workers that hold some versions; lines and choice are the real ones."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from core.managers import row_client
from core.managers.admission import Admission
from core.managers.convoy import Convoy
from core.managers.line import Batch, Row, RowAnswer
from core.managers.lines import Lines
from core.managers.return_table import ReturnTable, create_shared_memory
from core.managers.row_client import MAX_REFUSALS, RowClient
from core.managers.version_choice import GRACE_S, VersionChoice
from core.schemas.catalog import TRIP_DURATION, CatalogEntry
from core.schemas.outcome import BatchOutcome, RowError, RowErrorCode
from core.schemas.wire import PredictRowsReply
from core.utilities.errors import (
    DeadlinePassedError,
    LineFullError,
    NoVersionError,
    NoWorkerError,
    PredictionError,
    UnknownVersionError,
)
from tests.core.managers.rows import turn

MODEL = TRIP_DURATION.model
VALUES = (130, 205, 1.0, None)
PATIENCE_S = 20.0
"""For a message that must come; without it a test of what is broken would hang."""


class System:
    """Workers and the route as a web process sees them; what is sent waits here until it is answered."""

    def __init__(self, *held: str, inflight: int = 1, max_waiting_rows: int = 100) -> None:
        self.held = set(held)
        self.route = held[0]
        self.sent: list[Batch | Convoy] = []
        self.refused: Exception | None = None
        self._off: dict[str, float] = {}
        routes = SimpleNamespace(
            choose=lambda model, request_id: self.route,
            seconds_off=lambda model, version: self._off.get(version, 0.0),
            get=lambda model: None,
        )
        workers = SimpleNamespace(decide=lambda queue, model: False, broken=())
        self.admission = Admission(returns=ReturnTable(create_shared_memory()))
        self.client = RowClient(
            [TRIP_DURATION],
            lines=Lines(send=self.sent.append, max_batch_rows=10, max_inflight=lambda model: inflight),
            versions=VersionChoice({}, routes, workers),  # type: ignore[arg-type]
            admissions={MODEL: self.admission},
            require_way=self._require,
            max_waiting_rows=max_waiting_rows,
        )

    def _require(self, entry: CatalogEntry) -> None:
        if self.refused is not None:
            raise self.refused

    def join(self, *, version: str | None = None, timeout_s: float = 10.0) -> Row:
        return self.client.join(MODEL, version, VALUES, request_id="r", timeout_s=timeout_s)

    def change_route(self, version: str, *, seconds_ago: float = 0.0) -> None:
        self._off[self.route], self.route = seconds_ago, version
        self._off.pop(version, None)

    async def answer_next(self, error: RowErrorCode | None = None) -> str | None:
        """Answer the oldest message, with an error where the version is not held; return the version."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.sent:
                await asyncio.sleep(0.001)
        message = self.sent.pop(0)
        message.deliver([self._reply(part, error) for part in message.parts], "t")
        message.release()
        await turn()
        return message.line.version

    def _reply(self, batch: Batch, error: RowErrorCode | None) -> PredictRowsReply:
        code = error if batch.line.version in self.held else RowErrorCode.UNKNOWN_VERSION
        failed = code is not None
        outcome = BatchOutcome(
            predictions=[None if failed else 7.0] * len(batch),
            errors={index: RowError(code, "detail") for index in range(len(batch))} if code else {},
        )
        version = str(batch.line.version)
        return PredictRowsReply(model=MODEL, version=version, worker="w", outcome=outcome, queue_ms=1.0)


async def answered(system: System, row: Row, *, errors: tuple[RowErrorCode | None, ...] = (None,)) -> RowAnswer:
    """Answer so many messages, and return what the row's caller gets."""
    waiting = asyncio.create_task(system.client.answer(row))
    for error in errors:
        await system.answer_next(error)
    return await waiting


async def test_a_row_is_answered_by_the_version_of_its_route_and_then_forgotten() -> None:
    system = System("v1")
    row = system.join()
    assert system.admission.ahead == 1
    answer = await answered(system, row)
    assert (answer.version, answer.prediction) == ("v1", 7.0)
    system.client.leave(row)
    assert (system.admission.ahead, row.alarm is not None and row.alarm.cancelled()) == (0, True)


async def test_rows_that_wait_follow_their_route_and_those_that_asked_for_a_version_do_not() -> None:
    system = System("v1", "v2")
    rows = [system.join()]
    await turn()
    rows += [system.join(), system.join(version="v1")]
    await turn()
    system.change_route("v2")
    system.client.follow_route(MODEL)
    await turn()
    waiting = [asyncio.create_task(system.client.answer(row)) for row in rows]
    assert sorted([str(await system.answer_next()) for _ in rows]) == ["v1", "v1", "v2"]
    assert [answer.version for answer in await asyncio.gather(*waiting)] == ["v1", "v2", "v1"]


@pytest.mark.parametrize(("seconds_ago", "version"), [(GRACE_S / 2, "v1"), (2 * GRACE_S, "v2")])
async def test_an_answer_of_a_version_that_left_long_ago_is_not_given(seconds_ago: float, version: str) -> None:
    system = System("v1", "v2")
    row = system.join()
    await turn()
    system.change_route("v2", seconds_ago=seconds_ago)
    answer = await answered(system, row, errors=(None,) if version == "v1" else (None, None))
    assert answer.version == version


async def test_who_asked_for_a_version_is_answered_by_it_wherever_the_route_is() -> None:
    system = System("v1", "v2")
    row = system.join(version="v1")
    system.change_route("v2", seconds_ago=60)
    assert (await answered(system, row)).version == "v1"


async def test_a_version_that_no_worker_has_is_asked_for_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_client, "SETTLE_S", 0.001)
    system = System("v1")
    system.change_route("gone")
    row = system.join()
    with pytest.raises(NoVersionError):
        await answered(system, row, errors=(None,) * (MAX_REFUSALS + 1))
    assert not system.sent


async def test_a_worker_that_loads_it_meanwhile_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_client, "SETTLE_S", 0.001)
    system = System("v1")
    system.change_route("v2")
    waiting = asyncio.create_task(system.client.answer(system.join()))
    await system.answer_next()
    system.held.add("v2")
    await system.answer_next()
    assert (await waiting).version == "v2"


async def test_a_version_asked_for_and_unknown_costs_the_workers_one_message() -> None:
    system = System("v1")
    with pytest.raises(UnknownVersionError):
        await answered(system, system.join(version="gone"))
    with pytest.raises(UnknownVersionError):
        system.join(version="gone")
    assert not system.sent


async def test_the_deadline_holds_while_a_row_is_asked_for_anew() -> None:
    system = System("v1")
    system.change_route("gone")
    row = system.join(timeout_s=0.05)
    with pytest.raises(DeadlinePassedError):
        await answered(system, row)
    assert not system.sent


async def test_a_deadline_that_passed_before_an_outdated_answer_was_read_holds() -> None:
    """The alarm has found the row answered, and does not ring twice."""
    system = System("v1", "v2")
    row = system.join(timeout_s=0.01)
    await turn()
    system.change_route("v2", seconds_ago=60)
    await system.answer_next()
    assert row.alarm is not None
    while asyncio.get_running_loop().time() <= row.alarm.when():
        await asyncio.sleep(0.005)
    await turn()
    with pytest.raises(DeadlinePassedError):
        await asyncio.wait_for(system.client.answer(row), PATIENCE_S)


@pytest.mark.parametrize(
    ("code", "raised"),
    [(RowErrorCode.DEADLINE_PASSED, DeadlinePassedError), (RowErrorCode.MODEL_ERROR, PredictionError)],
)
async def test_a_row_that_was_not_predicted_raises_what_became_of_it(code: RowErrorCode, raised: Any) -> None:
    system = System("v1")
    with pytest.raises(raised):
        await answered(system, system.join(), errors=(code,))


async def test_a_row_that_is_not_taken_leaves_no_trace() -> None:
    system = System("v1", inflight=0, max_waiting_rows=1)
    system.join()
    with pytest.raises(LineFullError):
        system.join()
    system.refused = NoWorkerError("no worker takes tasks")
    with pytest.raises(NoWorkerError):
        system.join()
    assert system.admission.ahead == 1
