"""Which answers are noted: by the sample, by the route, by who chose the version."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from core.managers.audit import Audit
from core.managers.block import Block
from core.managers.line import RowAnswer
from core.managers.records import RecordWriter
from core.managers.shadow import ShadowLane
from core.schemas.outcome import RowError, RowErrorCode
from core.schemas.record import Record, RecordEntry
from core.schemas.route import Canary, Route
from tests.core.managers.record_rows import FEATURES, VALUES

MODEL = "trip_duration"
PLAIN = Route(champion="v1")
SHADOWED = Route(champion="v1", shadow="v3")
CANARY = Route(champion="v1", canary=Canary(version="v2", share=0.1))


class Noted(RecordWriter):
    """A writer that is never started: what it was given waits in it."""

    @property
    def records(self) -> list[Record]:
        rows = [record for records, _ in self._rows.values() for record in records]
        blocks = [zip(*(entry.column(name) for name in Record._fields), strict=True) for entry in self._entries]
        return [*rows, *(Record(*values) for block in blocks for values in block)]


class Desk:
    """An audit with a route, what it recorded, and what it sent to the shadow."""

    def __init__(self, route: Route | None, *, share: float = 0.0, pinned: Iterable[str] = ()) -> None:
        self.writer = Noted("redis://127.0.0.1:1/0", features=FEATURES)
        self.shadow = ShadowLane(predict=self._never, record=self.writer.add_entry, features=FEATURES)
        self.audit = Audit(
            share=share,
            writer=self.writer,
            shadow=self.shadow,
            pinned=frozenset(pinned),
            route_of=lambda _: route,
            features=FEATURES,
        )

    async def _never(self, *_: object) -> Block:
        raise AssertionError("nothing here has a shadow that predicts")

    def answer(self, version: str = "v1", *, asked: bool = False, request_id: str = "r") -> None:
        answer = RowAnswer(
            prediction=12.0,
            error=None,
            model=MODEL,
            version=version,
            task_id="",
            queue_ms=1.0,
            features_ms=2.0,
            predict_ms=3.0,
        )
        self.audit.note_row(MODEL, VALUES, answer, asked=asked, request_id=request_id, transaction_id="t", total_ms=7.0)

    def told(self) -> list[tuple[str, str, bool]]:
        return [(record.version, record.role, record.kept) for record in self.writer.records]


@pytest.mark.parametrize("route", [None, PLAIN])
async def test_without_a_sample_nothing_is_noted(route: Route | None) -> None:
    desk = Desk(route)
    desk.answer()
    assert (desk.told(), len(desk.shadow)) == ([], 0)


async def test_the_sample_is_by_request() -> None:
    desk = Desk(PLAIN, share=0.5)
    for _ in range(3):
        for number in range(200):
            desk.answer(request_id=str(number))
    counts = [record.request_id for record in desk.writer.records]
    assert 50 < len(set(counts)) < 150
    assert len(counts) == 3 * len(set(counts))


async def test_all_rows_go_to_a_shadow_and_are_kept_beside_its_answers() -> None:
    desk = Desk(SHADOWED)
    desk.answer()
    assert (desk.told(), len(desk.shadow)) == ([("v1", "champion", True)], 1)


async def test_while_there_is_a_canary_its_guard_sees_all_answers() -> None:
    desk = Desk(CANARY)
    desk.answer("v1")
    desk.answer("v2")
    assert desk.told() == [("v1", "champion", False), ("v2", "canary", False)]


@pytest.mark.parametrize("route", [SHADOWED, CANARY])
async def test_what_a_caller_asked_for_says_nothing_of_the_route(route: Route) -> None:
    desk = Desk(route)
    desk.answer("v1", asked=True)
    assert (desk.told(), len(desk.shadow)) == ([], 0)
    sampled = Desk(route, share=1.0)
    sampled.answer("v1", asked=True)
    assert sampled.told() == [("v1", "explicit", True)]


async def test_a_pinned_version_is_as_one_that_was_asked_for() -> None:
    desk = Desk(SHADOWED, share=1.0, pinned=[MODEL])
    desk.answer("v9")
    assert (desk.told(), len(desk.shadow)) == ([("v9", "explicit", True)], 0)


async def test_an_answer_of_a_version_that_just_left_the_route_is_told_so() -> None:
    desk = Desk(CANARY)
    desk.answer("v0")
    assert desk.told() == [("v0", "former", False)]


async def test_a_row_that_failed_is_noted_for_the_guard() -> None:
    desk = Desk(CANARY)
    desk.audit.note_failure(
        MODEL, VALUES, version="v2", code="model_error", asked=False, request_id="r", transaction_id="t", total_ms=1.0
    )
    (record,) = desk.writer.records
    assert (record.role, record.prediction, record.error) == ("canary", None, "model_error")


async def test_the_rows_of_a_batch_keep_their_places_and_go_to_the_shadow() -> None:
    desk = Desk(SHADOWED)
    columns: dict[str, list[Any]] = {
        "PULocationID": [1, 2, 3],
        "DOLocationID": [4, 5, 6],
        "trip_distance": [1.0, 2.0, 3.0],
    }
    block = Block(MODEL, "v1", columns, "b", 0.0, asyncio.get_running_loop().create_future())
    block.predictions = [10.0, None, 30.0]
    block.errors = {1: RowError(RowErrorCode.MODEL_ERROR, "")}
    desk.audit.note_block(columns, [0, 2, 3], block, asked=False, request_id="b", transaction_id="t", total_ms=9.0)
    records = desk.writer.records
    assert [(record.row, record.prediction, record.error) for record in records] == [
        (0, 10.0, None),
        (2, None, "model_error"),
        (3, 30.0, None),
    ]
    assert {(record.request_id, record.role, record.kept) for record in records} == {("b", "champion", True)}
    (waiting,) = desk.shadow._waiting.values()
    assert [(place, values) for _, _, place, values in waiting] == [
        (0, (1, 4, 1.0, None)),
        (2, (2, 5, 2.0, None)),
        (3, (3, 6, 3.0, None)),
    ]


async def test_a_large_batch_is_cut_into_entries() -> None:
    desk = Desk(PLAIN, share=1.0)
    rows = 4500
    columns: dict[str, list[Any]] = {
        "PULocationID": [1] * rows,
        "DOLocationID": [2] * rows,
        "trip_distance": [1.0] * rows,
    }
    block = Block(MODEL, "v1", columns, "b", 0.0, asyncio.get_running_loop().create_future())
    block.predictions = [float(row) for row in range(rows)]
    desk.audit.note_block(columns, range(rows), block, asked=False, request_id="b", transaction_id="t", total_ms=9.0)
    entries: list[RecordEntry] = desk.writer._entries
    assert [entry.rows for entry in entries] == [2000, 2000, 500]
    assert [record.prediction for record in desk.writer.records] == block.predictions


async def test_a_batch_that_failed_as_a_whole_is_not_the_shadows_business() -> None:
    desk = Desk(SHADOWED, share=1.0)
    columns: dict[str, list[Any]] = {"PULocationID": [1], "DOLocationID": [2], "trip_distance": [1.0]}
    block = Block(MODEL, "v1", columns, "b", 0.0, asyncio.get_running_loop().create_future())
    block.predictions = [None]
    block.errors = {0: RowError(RowErrorCode.DEADLINE_PASSED, "")}
    desk.audit.note_block(
        columns, [0], block, asked=False, request_id="b", transaction_id="t", total_ms=9.0, answered=False
    )
    assert ([record.error for record in desk.writer.records], len(desk.shadow)) == (["deadline_passed"], 0)
