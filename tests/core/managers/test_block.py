import orjson
import pytest

from core.managers.block import QUARANTINE_ROWS, Block, Chunk
from core.schemas.outcome import RowError, RowErrorCode
from core.schemas.wire import PredictRowsRequest
from core.utilities.errors import BrokerUnavailableError, DeadlinePassedError, PredictionError, TripcastError
from tests.core.managers.blocks import new_block, reply_to

FAILED = RowError(RowErrorCode.MODEL_ERROR, "the model failed on this row")
FEATURES = ("PULocationID", "DOLocationID", "trip_distance")


def chunk_of(block: Block, start: int, stop: int) -> Chunk:
    return Chunk(block=block, start=start, stop=stop, on_return=lambda: None, on_reply=lambda *_: None)


def codes(block: Block) -> dict[int, RowErrorCode]:
    return {index: error.code for index, error in block.errors.items()}


async def test_a_block_is_done_once_all_its_chunks_are_in_whatever_their_order() -> None:
    block = new_block(5)
    chunk_of(block, 3, 5).deliver([reply_to(3.0, 4.0)], "t2")
    assert not block.done.done()
    chunk_of(block, 0, 3).deliver([reply_to(0.0, 1.0, 2.0)], "t1")
    assert block.done.done()
    assert (block.predictions, block.errors) == ([0.0, 1.0, 2.0, 3.0, 4.0], {})


async def test_the_errors_of_a_chunk_stand_at_their_rows() -> None:
    block = new_block(4)
    chunk_of(block, 0, 2).deliver([reply_to(0.0, 1.0)], "t1")
    chunk_of(block, 2, 4).deliver([reply_to(None, 3.0, errors={0: FAILED})], "t2")
    assert (block.predictions, block.errors) == ([0.0, 1.0, None, 3.0], {2: FAILED})


async def test_the_timings_are_those_of_all_chunks() -> None:
    block = new_block(2)
    for start in range(2):
        chunk_of(block, start, start + 1).deliver([reply_to(1.0)], "t")
    assert (block.queue_ms, block.features_ms, block.predict_ms) == (1.0, 4.0, 6.0)


async def test_when_the_deadline_passes_rows_keep_what_they_have_and_the_others_are_told() -> None:
    block = new_block(4)
    chunk_of(block, 2, 4).deliver([reply_to(None, 3.0, errors={0: FAILED})], "t")
    block.expire()
    assert block.done.done()
    assert block.predictions == [None, None, None, 3.0]
    late = RowErrorCode.DEADLINE_PASSED
    assert codes(block) == {0: late, 1: late, 2: RowErrorCode.MODEL_ERROR}


async def test_a_reply_after_the_deadline_changes_nothing_for_whoever_was_answered() -> None:
    block = new_block(2)
    block.expire()
    assert not chunk_of(block, 0, 2).wanted
    chunk_of(block, 0, 2).deliver([reply_to(0.0, 1.0)], "t")
    assert block.done.result() is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DeadlinePassedError("expired"), RowErrorCode.DEADLINE_PASSED),
        (PredictionError("lost too often"), RowErrorCode.MODEL_ERROR),
    ],
)
async def test_a_chunk_that_fails_leaves_the_other_chunks_alone(error: TripcastError, code: RowErrorCode) -> None:
    block = new_block(4)
    chunk_of(block, 0, 2).fail(error)
    chunk_of(block, 2, 4).deliver([reply_to(2.0, 3.0)], "t")
    assert codes(block) == {0: code, 1: code}
    assert block.predictions[2:] == [2.0, 3.0]
    assert block.done.result() is None


async def test_a_chunk_that_cannot_be_sent_fails_the_block() -> None:
    block = new_block(4)
    chunk_of(block, 0, 2).fail(BrokerUnavailableError("away"))
    assert isinstance(block.done.exception(), BrokerUnavailableError)
    assert block.waiting == 0


async def test_a_chunk_carries_its_rows_and_the_blocks_id_and_deadline() -> None:
    block = new_block(10, version="v7", request_id='"me"')
    chunk = chunk_of(block, 4, 6)
    request = PredictRowsRequest.decode(orjson.loads(orjson.dumps(chunk.encode(FEATURES))))
    assert (len(chunk), request.model, request.version, request.ids) == (2, "trip_duration", "v7", ['"me"', '"me"'])
    assert request.columns == {"PULocationID": [130, 130], "DOLocationID": [205, 205], "trip_distance": [4.0, 5.0]}
    assert request.deadlines == [chunk.expires_at] * 2
    assert 0 <= chunk.expires_at - block.expires_at < 1


async def test_for_the_quarantine_a_chunk_is_cut_in_pieces_that_answer_apart_and_hold_no_place() -> None:
    block = new_block(2 * QUARANTINE_ROWS + 1)
    pieces = chunk_of(block, 0, block.rows).pieces()
    assert [(piece.start, piece.stop) for piece in pieces] == [
        (0, QUARANTINE_ROWS),
        (QUARANTINE_ROWS, 2 * QUARANTINE_ROWS),
        (2 * QUARANTINE_ROWS, block.rows),
    ]
    assert not any(piece.in_line for piece in pieces)
    for piece in pieces:
        piece.deliver([reply_to(*[1.0] * len(piece))], "t")
    assert block.predictions == [1.0] * block.rows
    assert block.done.done()


async def test_a_block_that_nobody_waits_for_has_no_pieces() -> None:
    block = new_block(10)
    block.done.cancel()
    assert chunk_of(block, 0, 10).pieces() == []


async def test_a_chunk_carries_an_optional_column_where_the_block_has_it() -> None:
    block = new_block(3)
    assert list(chunk_of(block, 0, 2).encode([*FEATURES, "pickup_datetime"])["columns"]) == list(FEATURES)
    block.features = {**block.features, "pickup_datetime": [None, "2021-01-05T08:30:00", None]}
    carried = chunk_of(block, 1, 3).encode([*FEATURES, "pickup_datetime"])["columns"]
    assert carried["pickup_datetime"] == ["2021-01-05T08:30:00", None]
