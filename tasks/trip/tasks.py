"""Trip duration over Celery for everybody: ``predict_ride``.

It only decodes, calls and encodes. Predictions are pure, so that a task may run twice.
"""

from typing import Any

from celery import shared_task

from core.schemas.catalog import TRIP_DURATION
from core.schemas.wire import NO_DEADLINE, PredictRowsRequest
from tasks.policy import PredictionTask

PREDICTION_FAILED = 101


# Acknowledged late: unlike our web processes, a plain client does not send again what a dead worker held.
@shared_task(bind=True, base=PredictionTask, acks_late=True)
def predict_ride(  # noqa: D417 (`self` is bound by Celery)
    self: PredictionTask, pu_location_id: int, do_location_id: int, trip_distance: float
) -> dict[str, Any]:
    """Predict the duration of one trip.

    Parameters
    ----------
    pu_location_id, do_location_id : int
        TLC taxi zones, 1..265.
    trip_distance : float
        Miles, 0..500.

    Returns
    -------
    dict
        ``{"reply_code": 0, "duration": minutes, "timings": {step: ms}}``, or
        ``{"reply_code": 101, "error": code}``.
    """
    request = PredictRowsRequest(
        model=TRIP_DURATION.model,
        version=None,
        columns=dict(
            zip(TRIP_DURATION.required_features, ([pu_location_id], [do_location_id], [trip_distance]), strict=True)
        ),
        ids=[str(self.request.id)],
        deadlines=[NO_DEADLINE],
    )
    reply = self.predict(request)
    outcome = reply.outcome
    if 0 in outcome.errors:
        return {"reply_code": PREDICTION_FAILED, "error": outcome.errors[0].code.value}
    timings = {"queue_ms": reply.queue_ms, "features_ms": outcome.features_ms, "predict_ms": outcome.predict_ms}
    return {"reply_code": 0, "duration": outcome.predictions[0], "timings": timings}
