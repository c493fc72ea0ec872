"""No model, on the direct route that our web process has: what is left of ours without the queue and the worker."""

import orjson
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from apps.api.application import Application
from apps.api.bodies import read_json, validate
from core.schemas.trip import TripRequest
from core.utilities.clock import uuid7


async def predict(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request."""
    trip = validate(TripRequest, await read_json(scope, receive))
    body = orjson.dumps(
        {
            "reply_code": 0,
            "duration": trip.trip_distance,
            "request_id": trip.request_id,
            "transaction_id": uuid7(),
            "model_name": "trip_duration",
            "model_version": "benchmark",
        }
    )
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", trip.request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def create_app() -> FastAPI:
    """Return the application."""
    app = Application()
    app.add_direct_route("/v1/trip/predict", predict, description={})
    return app
