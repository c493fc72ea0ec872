"""Batches of two versions in one message: how they travel, come back, get lost."""

import pytest

from core.managers.convoy import Convoy
from core.managers.line import QUARANTINE_ROWS, Batch, Line, Row
from core.schemas.catalog import TRIP_DURATION
from core.schemas.outcome import BatchOutcome, RowError, RowErrorCode
from core.schemas.task_message import TaskMessage
from core.schemas.wire import PredictRowsReply, decode_requests
from core.utilities.errors import DeadlinePassedError, PredictionError
from tests.core.managers.ledgers import Outside, error_of
from tests.core.managers.rows import new_row

CHAMPION, CANARY = "champion", "canary"


@pytest.fixture
async def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    return Outside(monkeypatch)


def line_of(version: str) -> Line:
    line = Line("trip_duration", version, send=lambda batch: None, max_batch_rows=100, max_inflight=lambda: 1)
    line.inflight = 1
    return line


def convoy_of(champions: list[Row], canaries: list[Row]) -> Convoy:
    """The rows of a champion on their way, and with them those of a canary."""
    return Convoy(
        [Batch(rows=champions, line=line_of(CHAMPION)), Batch(rows=canaries, line=line_of(CANARY), in_line=False)]
    )


def reply(version: str, *predictions: float) -> dict[str, object]:
    outcome = BatchOutcome(predictions=list(predictions), predict_ms=1.0)
    return PredictRowsReply(
        model="trip_duration", version=version, worker="w", outcome=outcome, queue_ms=1.0
    ).encode()  # fmt: skip


def success(*replies: dict[str, object]) -> dict[str, object]:
    return {"status": "SUCCESS", "result": {"wire": 2, "parts": list(replies)}}


async def test_it_travels_as_a_request_for_each_version_until_the_latest_deadline(outside: Outside) -> None:
    rows = [new_row("a", timeout_s=10), new_row("b", timeout_s=20), new_row("c", timeout_s=30)]
    outside.ledger.send(convoy_of(rows[:2], rows[2:]))
    [message] = outside.messages
    parts = decode_requests(message.argument)
    assert [(part.version, part.ids, part.attempt) for part in parts] == [(CHAMPION, ["a", "b"], 0), (CANARY, ["c"], 0)]
    assert message.expires_at == rows[2].expires_at


async def test_each_row_gets_its_answer_from_its_version_and_the_place_is_free_again(outside: Outside) -> None:
    rows = [new_row(name) for name in "abc"]
    convoy = convoy_of(rows[:2], rows[2:])
    outside.ledger.send(convoy)
    outside.ledger.on_reply(outside.messages[0].task_id, success(reply(CHAMPION, 1.0, 2.0), reply(CANARY, 3.0)))
    answers = [row.answer.result() for row in rows]
    assert [(answer.version, answer.prediction) for answer in answers] == [
        (CHAMPION, 1.0),
        (CHAMPION, 2.0),
        (CANARY, 3.0),
    ]
    assert (len(outside.ledger), convoy.line.inflight) == (0, 0)


@pytest.mark.parametrize(
    "result",
    [
        reply(CHAMPION, 1.0, 2.0, 3.0),
        {"wire": 2, "parts": [reply(CHAMPION, 1.0, 2.0)]},
        {"wire": 2, "parts": [reply(CANARY, 3.0), reply(CHAMPION, 1.0, 2.0)]},
        {"wire": 2, "parts": []},
    ],
)
async def test_a_reply_that_does_not_fit_its_parts_fails_all_rows(outside: Outside, result: object) -> None:
    rows = [new_row(name) for name in "abc"]
    convoy = convoy_of(rows[:2], rows[2:])
    outside.ledger.send(convoy)
    outside.ledger.on_reply(outside.messages[0].task_id, {"status": "SUCCESS", "result": result})
    assert [type(error_of(row)) for row in rows] == [PredictionError] * 3
    assert convoy.line.inflight == 0


async def test_it_is_wanted_as_long_as_somebody_waits_for_any_version(outside: Outside) -> None:
    rows = [new_row("a"), new_row("b")]
    convoy = convoy_of(rows[:1], rows[1:])
    rows[0].fail(DeadlinePassedError("late"))
    assert convoy.wanted
    rows[1].answer.cancel()
    assert not convoy.wanted


def told(messages: list[TaskMessage]) -> list[list[tuple[str | None, int, int]]]:
    """Return the version, the number of rows and the attempt of each part of each message."""
    return [
        [(part.version, len(part.ids), part.attempt) for part in decode_requests(message.argument)]
        for message in messages
    ]


async def test_versions_whose_message_is_lost_are_sent_again_apart_and_then_in_pieces(outside: Outside) -> None:
    rows = QUARANTINE_ROWS + 1
    convoy = convoy_of([new_row(f"a{number}") for number in range(rows)], [new_row("c")])
    for batch in convoy.batches:
        batch.line.note_cost(1, 0.1)
    outside.ledger.send(convoy)
    await outside.lose_last()
    assert not any(batch.line.light for batch in convoy.batches)
    assert [batch.line.inflight for batch in convoy.batches] == [0, 1]  # the second was never counted, see line_of
    first, *again = outside.messages
    assert [message.task_id for message in again] == [f"{first.task_id}.1.0", f"{first.task_id}.1.1"]
    assert {message.queue for message in again} == {TRIP_DURATION.queue}
    assert told(again) == [[(CHAMPION, rows, 1)], [(CANARY, 1, 1)]]

    outside.ledger.on_reply(again[1].task_id, {"status": "SUCCESS", "result": reply(CANARY, 3.0)})
    await outside.look(again[0].task_id)
    await outside.look()
    await outside.look()
    pieces = outside.messages[3:]
    assert {piece.queue for piece in pieces} == {TRIP_DURATION.quarantine_queue}
    assert len({piece.task_id for piece in outside.messages}) == len(outside.messages)
    assert told(pieces) == [[(CHAMPION, QUARANTINE_ROWS, 2)], [(CHAMPION, 1, 2)]]


async def test_what_comes_back_from_the_quarantine_or_was_not_computed_does_not_make_a_version_cheap() -> None:
    line = line_of(CANARY)
    piece = Batch(rows=[new_row()], line=line, attempt=2, in_line=False)
    piece.deliver([PredictRowsReply.decode(reply(CANARY, 1.0), rows=1)], "t")
    assert not line.light

    unknown = {0: RowError(RowErrorCode.UNKNOWN_VERSION, "not held")}
    refused = BatchOutcome(predictions=[None], errors=unknown)
    nothing = PredictRowsReply(model="m", version=CANARY, worker="w", outcome=refused, queue_ms=0.0)
    Batch(rows=[new_row()], line=line).deliver([nothing], "t")
    assert not line.light
    Batch(rows=[new_row()], line=line).deliver([PredictRowsReply.decode(reply(CANARY, 1.0), rows=1)], "t")
    assert line.light
