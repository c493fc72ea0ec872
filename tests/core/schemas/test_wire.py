from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.schemas.outcome import BatchOutcome, RowError, RowErrorCode
from core.schemas.wire import (
    MAX_PARTS,
    PredictRowsReply,
    PredictRowsRequest,
    decode_replies,
    decode_requests,
    encode_mixed,
    encode_rows_of_one,
)
from core.utilities.errors import WireError

REQUEST: dict[str, Any] = {
    "wire": 1,
    "model": "trip_duration",
    "version": None,
    "columns": {"PULocationID": [130, 1], "DOLocationID": [205, 2], "trip_distance": [3.0, 0]},
    "ids": ["a", "b"],
    "deadlines": [1.5, 2.5],
    "attempt": 0,
}
REPLY: dict[str, Any] = {
    "wire": 1,
    "model": "trip_duration",
    "version": "v",
    "worker": "w",
    "predictions": [12.5, None],
    "errors": {"1": {"code": "model_error", "detail": "the model failed"}},
    "timings": {"queue_ms": 1.0, "features_ms": 2.0, "predict_ms": 3.0},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_request_is_encoded_as_the_contract_says() -> None:
    request = PredictRowsRequest(
        model="trip_duration",
        version=None,
        columns=REQUEST["columns"],
        ids=["a", "b"],
        deadlines=[1.5, 2.5],
    )

    assert request.encode() == REQUEST


def test_a_request_comes_out_as_it_went_in() -> None:
    decoded = PredictRowsRequest.decode(orjson.loads(orjson.dumps(REQUEST)))

    assert decoded.encode() == REQUEST


@pytest.mark.parametrize(
    "change",
    [
        {"wire": 2},
        {"wire": None},
        {"model": 1},
        {"version": 1},
        {"columns": []},
        {"columns": {"PULocationID": 130}},
        {"columns": {"PULocationID": [130], "DOLocationID": [205, 2], "trip_distance": [3.0, 0]}},
        {"ids": ["a"]},
        {"ids": "ab"},
        {"ids": [1, 2]},
        {"deadlines": [1.5]},
        {"deadlines": ["soon", "later"]},
        {"deadlines": [True, None]},
        {"attempt": "first"},
    ],
)
def test_a_request_that_breaks_the_contract_is_a_wire_error(change: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        PredictRowsRequest.decode(REQUEST | change)


@pytest.mark.parametrize("part", ["wire", "model", "columns", "ids", "deadlines"])
def test_a_request_without_a_part_is_a_wire_error(part: str) -> None:
    with pytest.raises(WireError):
        PredictRowsRequest.decode({key: value for key, value in REQUEST.items() if key != part})


@given(message=JSON)
def test_any_other_message_is_a_wire_error(message: object) -> None:
    with pytest.raises(WireError):
        PredictRowsRequest.decode(message)


@given(part=st.sampled_from(sorted(set(REQUEST) - {"wire"})), value=JSON)
def test_any_value_in_a_request_is_decoded_or_a_wire_error(part: str, value: object) -> None:
    try:
        decoded = PredictRowsRequest.decode(REQUEST | {part: value})
    except WireError:
        return

    rows = len(decoded.ids)
    assert len(decoded.deadlines) == rows
    assert all(len(column) == rows for column in decoded.columns.values())


def test_a_reply_is_encoded_as_the_contract_says() -> None:
    reply = PredictRowsReply(
        model="trip_duration",
        version="v",
        worker="w",
        outcome=BatchOutcome(
            predictions=[12.5, None],
            errors={1: RowError(RowErrorCode.MODEL_ERROR, "the model failed")},
            features_ms=2.0,
            predict_ms=3.0,
        ),
        queue_ms=1.0,
    )

    assert reply.encode() == REPLY


def test_a_reply_comes_out_as_it_went_in() -> None:
    decoded = PredictRowsReply.decode(orjson.loads(orjson.dumps(REPLY)), rows=2)

    assert decoded.encode() == REPLY


@pytest.mark.parametrize(
    "change",
    [
        {"wire": 2},
        {"predictions": [12.5]},
        {"predictions": [12.5, None, 1.0]},
        {"predictions": {"0": 12.5, "1": None}},
        {"predictions": ["12.5", None]},
        {"predictions": [True, None]},
        {"errors": {}},
        {"errors": {"1": {"code": "bad_luck", "detail": ""}}},
        {"errors": {"one": {"code": "model_error", "detail": ""}}},
        {"errors": None},
        {"timings": {}},
    ],
)
def test_a_reply_that_breaks_the_contract_is_a_wire_error(change: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        PredictRowsReply.decode(REPLY | change, rows=2)


@given(message=JSON)
def test_any_other_reply_is_a_wire_error(message: object) -> None:
    with pytest.raises(WireError):
        PredictRowsReply.decode(message, rows=1)


@given(part=st.sampled_from(sorted(set(REPLY) - {"wire"})), value=JSON)
def test_any_value_in_a_reply_is_decoded_or_a_wire_error(part: str, value: object) -> None:
    try:
        outcome = PredictRowsReply.decode(REPLY | {part: value}, rows=2).outcome
    except WireError:
        return

    for index, prediction in enumerate(outcome.predictions):
        assert index in outcome.errors or isinstance(prediction, int | float)


@given(rows=st.integers(0, 5), request_id=st.text(max_size=5), deadline=st.integers(0, 2**40))
def test_rows_of_one_caller_are_written_as_any_others_are(rows: int, request_id: str, deadline: int) -> None:
    columns = {"trip_distance": [1.5] * rows}
    short = encode_rows_of_one(
        model="m", version="v", columns=columns, rows=rows, request_id=request_id, deadline=deadline, attempt=1
    )
    long = PredictRowsRequest(
        model="m", version="v", columns=columns, ids=[request_id] * rows, deadlines=[deadline] * rows, attempt=1
    )
    assert orjson.loads(orjson.dumps(short)) == orjson.loads(orjson.dumps(long.encode()))


def test_a_message_of_version_1_is_one_request_and_one_of_version_2_several() -> None:
    other = REQUEST | {"version": "v"}
    assert [part.encode() for part in decode_requests(REQUEST)] == [REQUEST]
    mixed = orjson.loads(orjson.dumps(encode_mixed([REQUEST, other])))
    assert mixed == {"wire": 2, "parts": [REQUEST, other]}
    assert [part.encode() for part in decode_requests(mixed)] == [REQUEST, other]


def test_replies_come_out_in_the_order_of_their_requests() -> None:
    one = REPLY | {"predictions": [1.0], "errors": {}}
    assert [reply.encode() for reply in decode_replies(encode_mixed([REPLY, one]), rows=[2, 1])] == [REPLY, one]
    assert [reply.encode() for reply in decode_replies(REPLY, rows=[2])] == [REPLY]


@pytest.mark.parametrize(
    "parts", [None, [], {}, "x", [None], [REQUEST, {}], [REQUEST] * (MAX_PARTS + 1), [encode_mixed([REQUEST])]]
)
def test_parts_that_are_no_requests_are_a_wire_error(parts: object) -> None:
    with pytest.raises(WireError):
        decode_requests({"wire": 2, "parts": parts})


@pytest.mark.parametrize("rows", [[2], [2, 1], [2, 2, 2], []])
def test_replies_that_do_not_fit_their_requests_are_a_wire_error(rows: list[int]) -> None:
    with pytest.raises(WireError):
        decode_replies(encode_mixed([REPLY, REPLY]), rows=rows)
