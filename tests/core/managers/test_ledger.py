import pytest

from core.managers.ledger import CHASER_INTERVAL_S, LAST_ATTEMPT, SUSPICION_S
from core.managers.line import QUARANTINE_ROWS
from core.schemas.catalog import TRIP_DURATION
from core.schemas.wire import PredictRowsRequest
from core.utilities.errors import BrokerUnavailableError, DeadlinePassedError, PredictionError
from tests.core.managers.ledgers import Outside, error_of, ids_in, names
from tests.core.managers.rows import new_row, success, turn

QUEUE, QUARANTINE = TRIP_DURATION.queue, TRIP_DURATION.quarantine_queue
FAILURE = {"status": "FAILURE", "result": {"exc_type": "RuntimeError"}}


@pytest.fixture
async def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    return Outside(monkeypatch)


async def test_a_batch_travels_with_its_rows_in_columns_and_the_latest_deadline(outside: Outside) -> None:
    rows = [new_row("a", timeout_s=10), new_row("b", timeout_s=20)]
    for row in rows:
        outside.line.join(row)
    await turn()
    [message] = outside.messages
    request = PredictRowsRequest.decode(message.argument)
    assert (message.queue, message.task) == (QUEUE, TRIP_DURATION.predict_rows_task)
    assert request.columns == {"PULocationID": [130, 130], "DOLocationID": [205, 205], "trip_distance": [1.0, 1.0]}
    assert (request.ids, request.attempt, request.version) == (["a", "b"], 0, None)
    assert message.expires_at == rows[1].expires_at


async def test_each_row_gets_its_own_answer_and_the_slot_is_free_again(outside: Outside) -> None:
    rows = await outside.send(2)
    outside.ledger.on_reply(outside.messages[0].task_id, success(7.0, 8.0))
    assert [row.answer.result().prediction for row in rows] == [7.0, 8.0]
    assert (len(outside.ledger), outside.line.inflight) == (0, 0)


async def test_a_duplicate_reply_is_harmless(outside: Outside) -> None:
    [row] = await outside.send()
    for prediction in (7.0, 8.0):
        outside.ledger.on_reply(outside.messages[0].task_id, success(prediction))
    assert row.answer.result().prediction == 7.0
    assert outside.line.inflight == 0


async def test_the_reply_to_a_row_that_hung_up_reaches_its_neighbours(outside: Outside) -> None:
    gone, waiting = await outside.send(2)
    gone.answer.cancel()
    outside.ledger.on_reply(outside.messages[0].task_id, success(7.0, 8.0))
    assert waiting.answer.result().prediction == 8.0


async def test_a_reply_that_nobody_waits_for_is_ignored(outside: Outside) -> None:
    outside.ledger.on_reply("p-trip-99", success(7.0))
    assert (len(outside.ledger), outside.line.inflight) == (0, 0)


async def test_what_a_living_worker_holds_is_never_sent_again(outside: Outside) -> None:
    await outside.send()
    for _ in range(20):
        outside.pass_time(SUSPICION_S)
        await outside.look("p-trip-1")
    assert names(outside.messages) == [("p-trip-1", QUEUE)]


async def test_a_lost_batch_is_sent_again_under_a_new_id(outside: Outside) -> None:
    [row] = await outside.send()
    await outside.lose_last()
    assert names(outside.messages) == [("p-trip-1", QUEUE), ("p-trip-1.1", QUEUE)]
    assert PredictRowsRequest.decode(outside.messages[1].argument).attempt == 1
    outside.ledger.on_reply("p-trip-1.1", success(7.0))
    assert row.answer.result().prediction == 7.0
    assert (len(outside.ledger), outside.line.inflight) == (0, 0)


async def test_a_late_reply_to_an_earlier_attempt_counts_and_ends_the_later_one(outside: Outside) -> None:
    [row] = await outside.send()
    await outside.lose_last()
    outside.ledger.on_reply("p-trip-1", success(7.0))
    outside.ledger.on_reply("p-trip-1.1", success(8.0))
    assert row.answer.result().prediction == 7.0
    assert (outside.ledger.pending(), outside.line.inflight) == ([], 0)


async def test_a_result_that_lies_in_redis_is_taken_before_anything_is_sent_again(outside: Outside) -> None:
    [row] = await outside.send()
    outside.results["p-trip-1"] = success(7.0)
    await outside.lose_last()
    assert row.answer.result().prediction == 7.0
    assert len(outside.messages) == 1


async def test_nothing_is_sent_again_while_redis_cannot_be_asked_for_the_result(outside: Outside) -> None:
    await outside.send()
    outside.redis_away = True
    with pytest.raises(ConnectionError):
        await outside.lose_last()
    assert len(outside.messages) == 1
    outside.redis_away = False
    await outside.look()
    assert len(outside.messages) == 2


async def test_a_batch_that_a_later_one_overtook_is_lost(outside: Outside) -> None:
    await outside.send()
    await outside.send()
    outside.ledger.on_reply("p-trip-2", success(7.0))
    for _ in range(3):
        await outside.look()
    assert names(outside.messages)[2:] == [("p-trip-1.1", QUEUE)]


async def test_a_batch_lost_twice_goes_to_the_quarantine_in_small_pieces(outside: Outside) -> None:
    rows = await outside.send(2 * QUARANTINE_ROWS + 1)
    await outside.lose_last()
    await outside.lose_last()
    chunks = outside.messages[2:]
    assert [chunk.queue for chunk in chunks] == [QUARANTINE] * 3
    assert [len(ids_in(chunk)) for chunk in chunks] == [QUARANTINE_ROWS, QUARANTINE_ROWS, 1]
    assert [name for chunk in chunks for name in ids_in(chunk)] == [row.request_id for row in rows]
    assert len({message.task_id for message in outside.messages}) == 5


async def test_a_batch_in_quarantine_holds_no_slot_of_its_line(outside: Outside) -> None:
    await outside.send(QUARANTINE_ROWS + 1)
    await outside.lose_last()
    assert outside.line.inflight == 1
    await outside.lose_last()
    assert outside.line.inflight == 0
    for chunk in outside.messages[2:]:
        outside.ledger.on_reply(chunk.task_id, success(*range(len(ids_in(chunk)))))
    assert (len(outside.ledger), outside.line.inflight) == (0, 0)


async def test_the_chunks_of_a_quarantined_batch_are_answered_apart(outside: Outside) -> None:
    rows = await outside.send(QUARANTINE_ROWS + 1)
    await outside.lose_last()
    await outside.lose_last()
    outside.ledger.on_reply(outside.messages[3].task_id, success(7.0))
    assert [row.answer.done() for row in rows] == [False] * QUARANTINE_ROWS + [True]


async def test_only_rows_that_somebody_waits_for_go_to_the_quarantine(outside: Outside) -> None:
    gone, _ = await outside.send(2)
    await outside.lose_last()
    gone.answer.cancel()
    await outside.lose_last()
    assert ids_in(outside.messages[2]) == ["r1"]


async def test_attempts_are_capped_and_then_the_row_has_failed(outside: Outside) -> None:
    [row] = await outside.send()
    for _ in range(LAST_ATTEMPT + 1):
        assert not row.answer.done()
        await outside.lose_last()
    assert isinstance(error_of(row), PredictionError)
    assert len({message.task_id for message in outside.messages}) == len(outside.messages) == LAST_ATTEMPT + 1
    assert (outside.ledger.pending(), outside.line.inflight) == ([], 0)


async def test_a_task_that_failed_whole_is_tried_again_and_then_quarantined(outside: Outside) -> None:
    [row] = await outside.send()
    outside.ledger.on_reply("p-trip-1", FAILURE)
    outside.ledger.on_reply("p-trip-1.1", FAILURE)
    assert [message.queue for message in outside.messages] == [QUEUE, QUEUE, QUARANTINE]
    outside.ledger.on_reply(outside.messages[2].task_id, success(7.0))
    assert row.answer.result().prediction == 7.0


async def test_the_failure_of_an_attempt_given_up_before_changes_nothing(outside: Outside) -> None:
    await outside.send()
    await outside.lose_last()
    outside.ledger.on_reply("p-trip-1", FAILURE)
    assert len(outside.messages) == 2


async def test_a_revoked_task_means_that_the_deadline_passed(outside: Outside) -> None:
    [row] = await outside.send()
    outside.ledger.on_reply("p-trip-1", {"status": "REVOKED", "result": None})
    assert isinstance(error_of(row), DeadlinePassedError)
    assert outside.line.inflight == 0


@pytest.mark.parametrize(
    "result", [None, "garbage", {"wire": 2}, {**success(1.0)["result"], "timings": {}}, success(1.0, 2.0)["result"]]
)
async def test_a_reply_that_cannot_be_read_fails_its_rows(outside: Outside, result: object) -> None:
    [row] = await outside.send()
    outside.ledger.on_reply("p-trip-1", {"status": "SUCCESS", "result": result})
    assert isinstance(error_of(row), PredictionError)
    assert (len(outside.ledger), outside.line.inflight) == (0, 0)


async def test_a_batch_that_nobody_wants_is_dropped_and_its_slot_is_free(outside: Outside) -> None:
    rows = await outside.send(2)
    rows[0].answer.cancel()
    outside.ledger.drop_unwanted()
    assert outside.line.inflight == 1
    rows[1].fail(DeadlinePassedError("late"))
    outside.ledger.drop_unwanted()
    assert (outside.ledger.pending(), outside.line.inflight) == ([], 0)


async def test_a_batch_sent_twice_and_dropped_frees_one_slot(outside: Outside) -> None:
    [row] = await outside.send()
    await outside.send()
    await outside.look("p-trip-2", "p-trip-1")
    await outside.look("p-trip-2")
    await outside.look("p-trip-2")
    assert outside.messages[-1].task_id == "p-trip-1.1"
    row.answer.cancel()
    outside.ledger.drop_unwanted()
    assert (outside.ledger.pending(), outside.line.inflight) == (["p-trip-2"], 1)


async def test_a_new_batch_is_refused_while_the_broker_is_away(outside: Outside) -> None:
    outside.broker_away = True
    [row] = await outside.send()
    assert isinstance(error_of(row), BrokerUnavailableError)
    assert (len(outside.ledger), outside.line.inflight) == (0, 0)


async def test_a_new_batch_that_the_publisher_could_not_send_is_refused(outside: Outside) -> None:
    [row] = await outside.send()
    outside.ledger.on_unsent("p-trip-1")
    assert isinstance(error_of(row), BrokerUnavailableError)
    assert outside.line.inflight == 0


async def test_a_batch_taken_before_waits_for_the_broker(outside: Outside) -> None:
    [row] = await outside.send()
    outside.broker_away = True
    await outside.lose_last()
    assert not row.answer.done()
    outside.broker_away = False
    outside.ledger.on_broker_back()
    outside.pass_time(SUSPICION_S + 0.1)
    await outside.look()
    chaser = outside.messages[-1].task_id
    for _ in range(3):
        await outside.look(chaser)
    resent = outside.messages[-1]
    assert (ids_in(resent), resent.queue) == (["r0"], QUARANTINE)
    outside.ledger.on_reply(resent.task_id, success(7.0))
    assert row.answer.result().prediction == 7.0


async def test_a_chaser_is_sent_behind_a_silent_message_no_sooner_and_not_at_every_look(outside: Outside) -> None:
    await outside.send()
    await outside.look()
    assert len(outside.messages) == 1
    outside.pass_time(SUSPICION_S + 0.1)
    await outside.look()
    await outside.look()
    assert [ids_in(message) for message in outside.messages] == [["r0"], []]
    outside.pass_time(CHASER_INTERVAL_S)
    await outside.look()
    assert len(outside.messages) == 3


async def test_without_a_worker_no_chaser_is_sent_until_one_comes(outside: Outside) -> None:
    await outside.send()
    for _ in range(3):
        outside.pass_time(CHASER_INTERVAL_S)
        await outside.ledger.look_for_lost([])
    assert len(outside.messages) == 1
    await outside.look()
    assert len(outside.messages) == 2


async def test_each_row_under_way_counts_once(outside: Outside) -> None:
    await outside.send()
    assert outside.ledger.rows == 1
    await outside.lose_last()
    assert len(outside.messages) == 2
    assert outside.ledger.rows == 1
    outside.ledger.on_reply(outside.messages[-1].task_id, success(7.0))
    assert outside.ledger.rows == 0


async def test_what_a_chaser_overtook_is_lost(outside: Outside) -> None:
    await outside.send()
    outside.pass_time(SUSPICION_S + 0.1)
    await outside.look()
    chaser = outside.messages[-1]
    assert outside.ledger.owns(chaser.task_id)
    outside.ledger.on_reply(chaser.task_id, success())
    for _ in range(3):
        await outside.look()
    assert names(outside.messages)[2:] == [("p-trip-1.1", QUEUE)]


async def test_behind_a_backlog_nothing_is_lost_and_nothing_sent_again_but_chasers(outside: Outside) -> None:
    await outside.send()
    for _ in range(50):
        outside.pass_time(CHASER_INTERVAL_S)
        await outside.look()
    assert [ids_in(message) for message in outside.messages] == [["r0"]] + [[]] * 50


async def test_once_all_is_answered_no_chaser_is_awaited_and_none_is_sent(outside: Outside) -> None:
    await outside.send()
    outside.pass_time(SUSPICION_S + 0.1)
    await outside.look()
    outside.ledger.on_reply("p-trip-1", success(7.0))
    outside.ledger.drop_unwanted()
    assert outside.ledger.pending() == []
    outside.pass_time(CHASER_INTERVAL_S)
    await outside.look()
    assert len(outside.messages) == 2


async def test_a_broker_that_is_back_is_asked_at_once(outside: Outside) -> None:
    await outside.send()
    outside.pass_time(SUSPICION_S + 0.1)
    await outside.look()
    outside.ledger.on_broker_back()
    await outside.look()
    assert [ids_in(message) for message in outside.messages] == [["r0"], [], []]


async def test_a_chaser_that_could_not_be_sent_is_not_awaited(outside: Outside) -> None:
    await outside.send()
    outside.broker_away = True
    outside.pass_time(SUSPICION_S + 0.1)
    await outside.look()
    assert outside.ledger.pending() == ["p-trip-1"]
