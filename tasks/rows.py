"""Rows over Celery for our web processes: one task for each model of the catalog, all with this body."""

from typing import Any

from core.schemas.wire import PredictRowsRequest
from tasks.policy import PredictionTask


def predict_rows(self: PredictionTask, request: dict[str, Any]) -> dict[str, Any]:
    """Predict a batch of wire version 1.

    Raises
    ------
    WireError
        If the message is not one; the sender reads it as a failed result.
    """
    return self.predict(PredictRowsRequest.decode(request)).encode()


def prepare_rows(self: PredictionTask, request: dict[str, Any]) -> dict[str, Any]:
    """Tell what the model looks at in a batch of wire version 1.

    Raises
    ------
    WireError, FeatureError, UnknownVersionError
        If the message is not one, a row is not what the model takes, or the version is not held here.
    """
    rows = PredictRowsRequest.decode(request)
    return self.app.predictor.version(rows.model, rows.version).prepare(rows.columns).encode()
