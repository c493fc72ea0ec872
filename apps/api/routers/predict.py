"""``POST /v1/<resource>/predict``, one route for each catalog entry."""

import asyncio
import time
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from loguru import logger
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from apps.api.bodies import find_request_id, read_json, validate
from apps.api.dependencies import get_queue, get_settings
from apps.api.errors import STARTED, InvalidBodyError, InvalidHeaderError, describe, problem_response
from config import Settings
from core.managers.line import RowAnswer
from core.schemas.catalog import CatalogEntry
from core.utilities.clock import uuid7
from core.utilities.errors import PredictionError, TripcastError

HANG_UP_CHECK_S = 0.25
"""A request that waits longer than this is watched for a caller who hangs up."""
CLIENT_CLOSED_REQUEST = 499
"""Nobody reads this answer; the status is for the log (nginx's convention)."""


def build_router(entry: CatalogEntry) -> APIRouter:
    """Return the routes of one model."""
    router = APIRouter(prefix=f"/{entry.resource}", tags=[entry.resource])

    async def predict(request: Request) -> Response:
        request_id: str | None = None
        values: tuple[Any, ...] = ()
        try:
            body = await read_json(request)
            request_id, values = _decode(entry, body)
            timeout_s = _timeout_s(request)
            answer = await _predict(request, entry, values, request_id=request_id, timeout_s=timeout_s)
        except InvalidBodyError as error:
            return problem_response(request, error, request_id=find_request_id(body))
        except TripcastError as error:
            _log_failure(
                request, error, request_id=request_id, features=dict(zip(entry.features, values, strict=False))
            )
            return problem_response(request, error, request_id=request_id)
        except ClientDisconnect:
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        return _reply(request, entry, answer, request_id)

    router.add_api_route(
        "/predict",
        predict,
        methods=["POST"],
        operation_id=f"predict_{entry.resource}",
        summary=f"Predict {entry.model.replace('_', ' ')}",
        response_model=entry.reply,
        responses={200: _OK_HEADERS, **_PROBLEMS},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{entry.request.__name__}"}}},
            },
            "parameters": [_TIMEOUT_HEADER],
        },
    )
    return router


def _decode(entry: CatalogEntry, body: bytes) -> tuple[str, tuple[Any, ...]]:
    """Return the request id and the features of a body."""
    message: BaseModel = validate(entry.request, body)
    content = message.__dict__
    return content["request_id"], tuple(content[name] for name in entry.features)


def _timeout_s(request: Request) -> float:
    """Return the seconds that this request may take: the setting, lowered by ``X-Request-Timeout``.

    Raises
    ------
    InvalidHeaderError
        If the header is not a positive number.
    """
    limit = get_settings(request).request_timeout_s
    header = request.headers.get("x-request-timeout")
    if header is None:
        return limit
    try:
        wanted = float(header)
    except ValueError:
        wanted = float("nan")
    if not wanted > 0:
        raise InvalidHeaderError("X-Request-Timeout must be a positive number of seconds")
    return min(wanted, limit)


async def _predict(
    request: Request, entry: CatalogEntry, values: tuple[Any, ...], *, request_id: str, timeout_s: float
) -> RowAnswer:
    """Wait for the prediction, and after a while also for the caller to hang up.

    Raises
    ------
    ClientDisconnect
        If the caller is gone; his row is out of the line.
    """
    version = get_settings(request).model_version or None
    prediction = get_queue(request).predict(entry.model, version, values, request_id=request_id, timeout_s=timeout_s)
    waiting = asyncio.ensure_future(prediction)
    try:
        done, _ = await asyncio.wait({waiting}, timeout=HANG_UP_CHECK_S)
        if not done:
            await _wait_or_hang_up(request, waiting)
        return await waiting
    finally:
        waiting.cancel()


async def _wait_or_hang_up(request: Request, waiting: asyncio.Future[RowAnswer]) -> None:
    hang_up = asyncio.ensure_future(request.receive())
    either: set[asyncio.Future[Any]] = {waiting, hang_up}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise ClientDisconnect
    finally:
        hang_up.cancel()


def _reply(request: Request, entry: CatalogEntry, answer: RowAnswer, request_id: str) -> Response:
    transaction_id = uuid7()
    total_ms = (time.perf_counter() - request.scope[STARTED]) * 1000
    body = {
        "reply_code": 0,
        entry.output: answer.prediction,
        "request_id": request_id,
        "transaction_id": transaction_id,
        "model_name": answer.model,
        "model_version": answer.version,
    }
    headers = {
        "X-Request-ID": request_id,
        "Server-Timing": (
            f"queue;dur={answer.queue_ms:.3f}, features;dur={answer.features_ms:.3f}, "
            f"predict;dur={answer.predict_ms:.3f}, total;dur={total_ms:.3f}"
        ),
    }
    settings = get_settings(request)
    if settings.log_requests == "all" or total_ms > settings.log_slow_ms:
        _log_request(settings, answer, request_id=request_id, transaction_id=transaction_id, total_ms=total_ms)
    return Response(orjson.dumps(body), headers=headers, media_type="application/json")


def _log_request(
    settings: Settings, answer: RowAnswer, *, request_id: str, transaction_id: str, total_ms: float
) -> None:
    slow = total_ms > settings.log_slow_ms
    logger.bind(
        request_id=request_id,
        transaction_id=transaction_id,
        task_id=answer.task_id,
        queue_ms=answer.queue_ms,
        total_ms=total_ms,
    ).log("WARNING" if slow else "INFO", "slow request answered" if slow else "request answered")


def _log_failure(request: Request, error: TripcastError, *, request_id: str | None, features: dict[str, Any]) -> None:
    """Log what failed; a row that the model failed on with its features, so that it can be tried again."""
    total_ms = (time.perf_counter() - request.scope[STARTED]) * 1000
    context: dict[str, Any] = {"request_id": request_id, "total_ms": total_ms}
    if isinstance(error, PredictionError):
        context |= {"transaction_id": uuid7(), "features": features}
    logger.bind(**context).warning("{}: {}", type(error).__name__, error)


_PROBLEMS = describe(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
_OK_HEADERS: dict[str, Any] = {
    "description": "The prediction.",
    "headers": {
        "X-Request-ID": {"description": "The caller's request_id.", "schema": {"type": "string"}},
        "Server-Timing": {"description": "queue, features, predict, total (ms).", "schema": {"type": "string"}},
    },
}
_TIMEOUT_HEADER = {
    "name": "X-Request-Timeout",
    "in": "header",
    "required": False,
    "description": "Seconds after which the caller no longer waits; lowers the deadline, never raises it.",
    "schema": {"type": "number", "exclusiveMinimum": 0},
}
