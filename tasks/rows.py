"""Rows over Celery for our web processes: one task for each model of the catalog, all with this body."""

from typing import Any

from core.schemas.wire import MIXED_WIRE_VERSION, PredictRowsRequest, decode_requests, encode_mixed
from tasks.policy import PredictionTask


def predict_rows(self: PredictionTask, request: dict[str, Any]) -> dict[str, Any]:
    """Predict a batch of wire version 1, or several that travel together in version 2.

    Raises
    ------
    WireError
        If the message is not one; the sender reads it as a failed result.
    """
    replies = [reply.encode() for reply in self.predict_together(decode_requests(request))]
    return encode_mixed(replies) if request["wire"] == MIXED_WIRE_VERSION else replies[0]


def prepare_rows(self: PredictionTask, request: dict[str, Any]) -> dict[str, Any]:
    """Tell what the model looks at in a batch of wire version 1.

    Raises
    ------
    WireError, FeatureError, UnknownVersionError
        If the message is not one, a row is not what the model takes, or the version is not held here.
    """
    rows = PredictRowsRequest.decode(request)
    return self.app.predictor.version(rows.model, rows.version).prepare(rows.columns).encode()
