"""The sandbox: predicts rows one by one in a process that may die of them.

Rows whose batch was lost twice come here. The child reads a batch as one JSON line, writes one reply line
a row, and ends itself when a row takes too long. So the number of lines says which row killed it; that row
is poison, and the next child goes on behind it.
"""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import orjson
from loguru import logger

from core.schemas.outcome import BatchOutcome, RowError, RowErrorCode
from core.schemas.wire import PredictRowsReply, PredictRowsRequest
from core.utilities.errors import PredictionError, WireError

READY = b"ready\n"
START_TIMEOUT_S = 30.0


def predict_in_sandbox(
    command: Sequence[str], request: PredictRowsRequest, *, worker: str, row_timeout_s: float
) -> PredictRowsReply:
    """Predict a batch row by row in child processes.

    Parameters
    ----------
    command : sequence of str
        Starts a child that runs ``serve_sandbox``.
    request : PredictRowsRequest
        The batch.
    worker : str
        Name to write into the reply.
    row_timeout_s : float
        Seconds after which a child ends itself over one row.

    Raises
    ------
    PredictionError
        If a child does not even start.
    """
    replies: list[PredictRowsReply | None] = []
    while len(replies) < len(request.ids):
        rest = take(request, range(len(replies), len(request.ids)))
        replies += _run_child(command, rest, timeout_s=START_TIMEOUT_S + row_timeout_s * len(rest.ids))
        if len(replies) < len(request.ids):
            logger.bind(request_id=request.ids[len(replies)]).error("a row killed its sandbox: it is poison")
            replies.append(None)
    return _merge(replies, request, worker=worker)


def take(request: PredictRowsRequest, indices: Sequence[int]) -> PredictRowsRequest:
    """Return the rows of ``request`` at ``indices``."""
    return PredictRowsRequest(
        model=request.model,
        version=request.version,
        columns={name: [values[index] for index in indices] for name, values in request.columns.items()},
        ids=[request.ids[index] for index in indices],
        deadlines=[request.deadlines[index] for index in indices],
        attempt=request.attempt,
    )


def serve_sandbox(
    predict: Callable[[PredictRowsRequest], PredictRowsReply],
    *,
    requests: IO[bytes],
    replies: IO[bytes],
    before_row: Callable[[], None],
) -> None:
    """Be the child: read one batch, answer row by row.

    ``before_row`` is called before each row; it arms what ends this process over a row that hangs.
    """
    replies.write(READY)
    replies.flush()
    request = PredictRowsRequest.decode(orjson.loads(requests.readline()))
    for index in range(len(request.ids)):
        before_row()
        reply = predict(take(request, [index]))
        replies.write(orjson.dumps(reply.encode()) + b"\n")
        replies.flush()


def _run_child(command: Sequence[str], request: PredictRowsRequest, *, timeout_s: float) -> list[PredictRowsReply]:
    """Return the replies that a child gave before it ended."""
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 (our own command)
    try:
        output, _ = child.communicate(orjson.dumps(request.encode()) + b"\n", timeout=timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        output, _ = child.communicate()
    if not output.startswith(READY):
        raise PredictionError(f"the sandbox does not start: exit status {child.returncode}")
    return list(_decode(output.removeprefix(READY)))


def _decode(output: bytes) -> Iterator[PredictRowsReply]:
    for line in output.splitlines():
        try:
            yield PredictRowsReply.decode(orjson.loads(line), rows=1)
        except (WireError, orjson.JSONDecodeError):
            return  # a line cut off by the child's death


def _merge(replies: Sequence[PredictRowsReply | None], request: PredictRowsRequest, *, worker: str) -> PredictRowsReply:
    poison = RowError(RowErrorCode.POISON, "the row ended the process that predicted it")
    predictions: list[Any] = [reply.outcome.predictions[0] if reply else None for reply in replies]
    errors = {
        index: reply.outcome.errors.get(0) if reply else poison
        for index, reply in enumerate(replies)
        if reply is None or reply.outcome.errors
    }
    answered = [reply for reply in replies if reply is not None]
    return PredictRowsReply(
        model=request.model,
        version=answered[0].version if answered else request.version or "",
        worker=worker,
        outcome=BatchOutcome(
            predictions=predictions,
            errors={index: error for index, error in errors.items() if error is not None},
            features_ms=sum(reply.outcome.features_ms for reply in answered),
            predict_ms=sum(reply.outcome.predict_ms for reply in answered),
        ),
        queue_ms=0.0,
    )
