"""The linear model in the web process in its fastest exact form: a look-up and a sum, without scikit-learn."""

import numpy as np
from fastapi import FastAPI

from bench.contenders.reply import reply
from bench.trips import reference
from core.models.trip_duration.features import DISTANCE, PAIR
from core.schemas.trip import TripReply, TripRequest, TripRow


class Folded:
    """The shipped model with the same floats as it has in our worker, its fallback included."""

    def __init__(self) -> None:
        model = reference()
        coefficients: dict[str, float] = dict(
            zip(model.vectorizer.get_feature_names_out(), np.ravel(model.regression.coef_).tolist(), strict=True)
        )
        self._slope = coefficients.pop(DISTANCE)
        self._intercept = float(np.ravel(model.regression.intercept_)[0])
        self._pairs = {
            tuple(map(int, name.removeprefix(f"{PAIR}=").split("_"))): value for name, value in coefficients.items()
        }
        self._fallback = model.fallback

    def predict(self, trip: TripRow) -> float:
        """Predict one trip, in minutes."""
        pair = self._pairs.get((trip.PULocationID, trip.DOLocationID))
        if pair is not None:
            minutes = (pair + trip.trip_distance * self._slope) + self._intercept
            if minutes > 0.0:
                return minutes
        return self._unseen(trip)

    def _unseen(self, trip: TripRow) -> float:
        zones = np.array([trip.PULocationID]), np.array([trip.DOLocationID])
        return float(self._fallback.transform(*zones, np.array([trip.trip_distance]))[0])


def create_app() -> FastAPI:
    """Return the application."""
    app, model = FastAPI(), Folded()

    @app.post("/v1/trip/predict")
    async def predict(trip: TripRequest) -> TripReply:
        return reply(trip, model.predict(trip))

    return app
