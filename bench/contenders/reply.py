"""The answer that every contender gives: the same fields as ours."""

from core.schemas.trip import TripReply, TripRequest
from core.utilities.clock import uuid7


def reply(trip: TripRequest, duration: float) -> TripReply:
    """Return the answer to ``trip``."""
    return TripReply(
        duration=duration,
        request_id=trip.request_id,
        transaction_id=uuid7(),
        model_name="trip_duration",
        model_version="benchmark",
    )
