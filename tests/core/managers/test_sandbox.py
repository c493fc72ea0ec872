import sys
import time

import pytest

from core.managers.sandbox import predict_in_sandbox
from core.schemas.outcome import RowError, RowErrorCode
from core.schemas.wire import PredictRowsReply, PredictRowsRequest
from core.utilities.errors import PredictionError
from tests.core.managers.sandbox_child import ABORTS, CUTS, ERROR, HANGS, RAISES, REFUSED

CHILD = (sys.executable, "-m", "tests.core.managers.sandbox_child")
HANGING_S, ROW_TIMEOUT_S = 2.0, 60.0
"""The second is for rows that do not hang, on a machine that stands still now and then."""


def predict(*miles: float, command: tuple[str, ...] = CHILD, row_timeout_s: float = ROW_TIMEOUT_S) -> PredictRowsReply:
    request = PredictRowsRequest(
        model="trip_duration",
        version=None,
        columns={"trip_distance": list(miles)},
        ids=[str(number) for number in range(len(miles))],
        deadlines=[time.time() + 60] * len(miles),
    )
    return predict_in_sandbox((*command, str(row_timeout_s)), request, worker="w", row_timeout_s=row_timeout_s)


def poisonous(reply: PredictRowsReply) -> set[int]:
    return {index for index, error in reply.outcome.errors.items() if error.code is RowErrorCode.POISON}


def test_rows_that_do_no_harm_are_predicted() -> None:
    reply = predict(1.0, 2.0, 3.0)
    assert reply.outcome.predictions == [2.0, 4.0, 6.0]
    assert (reply.outcome.errors, reply.outcome.predict_ms) == ({}, 3.0)
    assert (reply.model, reply.version, reply.worker) == ("trip_duration", "v", "w")


@pytest.mark.parametrize("harm", [RAISES, HANGS, ABORTS, CUTS], ids=["raises", "hangs", "aborts", "cuts its reply off"])
def test_a_row_that_ends_its_process_is_poison_and_its_neighbours_are_predicted(harm: float) -> None:
    reply = predict(1.0, harm, 3.0, row_timeout_s=HANGING_S if harm == HANGS else ROW_TIMEOUT_S)
    assert reply.outcome.predictions == [2.0, None, 6.0]
    assert poisonous(reply) == {1}


def test_a_row_that_the_model_refuses_keeps_its_own_error() -> None:
    reply = predict(1.0, REFUSED)
    assert reply.outcome.predictions == [2.0, None]
    assert reply.outcome.errors == {1: ERROR}


def test_poison_at_both_ends_and_side_by_side_is_found_row_by_row() -> None:
    reply = predict(ABORTS, ABORTS, 3.0, REFUSED, ABORTS)
    assert reply.outcome.predictions == [None, None, 6.0, None, None]
    assert poisonous(reply) == {0, 1, 4}
    assert isinstance(reply.outcome.errors[3], RowError)


def test_a_batch_of_poison_alone_is_a_reply_that_can_be_read() -> None:
    reply = predict(ABORTS)
    assert PredictRowsReply.decode(reply.encode(), rows=1) == reply


def test_an_empty_batch_needs_no_child() -> None:
    assert predict(command=("/nowhere",)).outcome.predictions == []


def test_a_child_that_does_not_start_is_no_fault_of_the_rows() -> None:
    with pytest.raises(PredictionError, match="exit status 3"):
        predict(1.0, command=(sys.executable, "-c", "raise SystemExit(3)"))
