"""The model in the web process, as people write it: loaded once, transform and predict in the handler."""

from fastapi import FastAPI

from bench.contenders.models import load_model
from bench.contenders.reply import reply
from core.schemas.trip import TripReply, TripRequest


def create_app() -> FastAPI:
    """Return the application."""
    app, model = FastAPI(), load_model()

    # Not ``def``: a thread for a call of a fifth of a millisecond costs more than the call.
    @app.post("/v1/trip/predict")
    async def predict(trip: TripRequest) -> TripReply:
        [duration] = model.predict([trip])
        return reply(trip, duration)

    return app
