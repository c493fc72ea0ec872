"""No model at all: what the HTTP framework and the validation leave as a ceiling."""

from fastapi import FastAPI

from bench.contenders.reply import reply
from core.schemas.trip import TripReply, TripRequest


def create_app() -> FastAPI:
    """Return the application."""
    app = FastAPI()

    @app.post("/v1/trip/predict")
    async def predict(trip: TripRequest) -> TripReply:
        return reply(trip, trip.trip_distance)

    return app
