"""The naive queue: what most people write first, as a contender for the benchmark.

A sync handler sends one Celery task a request and blocks in ``AsyncResult.get``; a gevent worker predicts one
row a task with scikit-learn's own calls. Web: ``uvicorn bench.naive:web``; worker: ``celery -A bench.naive worker``.
"""

import os
from typing import Any, cast

import numpy as np
from celery import Celery
from fastapi import FastAPI

from config import ROOT
from core.managers.artifacts import find_champion, load_version
from core.models.trip_duration.linear import PairRegression
from core.schemas.catalog import TRIP_DURATION
from core.schemas.trip import TripRequest

QUEUE = "naive.trip"
BROKER = os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")

app = Celery("naive", broker=BROKER, backend=BROKER)
app.conf.update(task_default_queue=QUEUE, result_expires=120)
web = FastAPI()
_model: list[PairRegression] = []


def _load() -> PairRegression:
    """Load the model once, before the first task."""
    if not _model:
        champion = find_champion(ROOT / "repo" / "models", TRIP_DURATION.model)
        _model.append(cast(PairRegression, load_version(champion, entry=TRIP_DURATION).predictor))
    return _model[0]


@app.task(name="naive.predict")  # type: ignore[untyped-decorator]  # Celery is untyped
def predict_task(pickup: int, dropoff: int, miles: float) -> float:
    """Predict one trip as the textbook does: transform, predict."""
    model = _load()
    row = model.vectorizer.transform([{"PU_DO": f"{pickup}_{dropoff}", "trip_distance": miles}])
    return float(np.asarray(model.regression.predict(row))[0])


@web.post("/v1/trip/predict")
def predict(trip: TripRequest) -> dict[str, Any]:
    """Send a task and wait for it."""
    result = app.send_task("naive.predict", args=[trip.PULocationID, trip.DOLocationID, trip.trip_distance])
    return {"reply_code": 0, "duration": result.get(timeout=60), "request_id": trip.request_id}
