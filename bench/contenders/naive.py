"""The naive queue: what most people write first.

A sync handler sends one Celery task a request and blocks in ``AsyncResult.get``; a gevent worker predicts one row a
task. Web: ``uvicorn --factory bench.contenders.naive:create_app``; worker: ``celery -A bench.contenders.naive worker``.
"""

import functools
import os
from typing import TYPE_CHECKING

from celery import Celery
from fastapi import FastAPI

from bench.contenders.reply import reply
from core.schemas.trip import TripReply, TripRequest, TripRow

if TYPE_CHECKING:
    from bench.contenders.models import Model

BROKER = os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")
TASK = "naive.predict"

app = Celery("naive", broker=BROKER, backend=BROKER)
app.conf.update(task_default_queue="naive.trip", result_expires=120)


@functools.cache
def model() -> "Model":
    """Return the worker's model, loaded once; the web processes import none of it."""
    from bench.contenders.models import load_model  # noqa: PLC0415

    return load_model()


@app.task(name=TASK)  # type: ignore[untyped-decorator]  # Celery is untyped
def predict_task(pickup: int, dropoff: int, miles: float) -> float:
    """Predict one trip."""
    [duration] = model().predict([TripRow(PULocationID=pickup, DOLocationID=dropoff, trip_distance=miles)])
    return duration


def create_app() -> FastAPI:
    """Return the web application."""
    web = FastAPI()

    @web.post("/v1/trip/predict")
    def predict(trip: TripRequest) -> TripReply:
        result = app.send_task(TASK, args=[trip.PULocationID, trip.DOLocationID, trip.trip_distance])
        return reply(trip, result.get(timeout=60))

    return web
