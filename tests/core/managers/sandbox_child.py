"""A sandbox child whose model does harm by distance: ``python -m tests.core.managers.sandbox_child <row timeout>``."""

import faulthandler
import os
import resource
import sys
import time

from core.managers.sandbox import serve_sandbox
from core.schemas.outcome import BatchOutcome, RowError, RowErrorCode
from core.schemas.wire import PredictRowsReply, PredictRowsRequest

REFUSED, RAISES, HANGS, ABORTS, CUTS = 499.0, 498.0, 497.0, 496.0, 495.0
ERROR = RowError(RowErrorCode.MODEL_ERROR, "refused")


def predict(request: PredictRowsRequest) -> PredictRowsReply:
    """Answer two minutes a mile."""
    [miles] = request.columns["trip_distance"]
    if miles == RAISES:
        raise RuntimeError("poison")
    if miles == HANGS:
        time.sleep(3600)
    if miles == ABORTS:
        os.abort()
    if miles == CUTS:
        os.write(sys.stdout.fileno(), b'{"wire": 1, "predic')
        os._exit(0)
    outcome = BatchOutcome(predictions=[2.0 * miles], predict_ms=1.0)
    if miles == REFUSED:
        outcome = BatchOutcome(predictions=[None], errors={0: ERROR})
    return PredictRowsReply(model=request.model, version="v", worker="child", outcome=outcome, queue_ms=0.0)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve_sandbox(
        predict,
        requests=sys.stdin.buffer,
        replies=sys.stdout.buffer,
        before_row=lambda: faulthandler.dump_traceback_later(float(sys.argv[1]), exit=True),
    )
