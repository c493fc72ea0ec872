"""``POST /v1/<resource>/predict/batch``, one route for each catalog entry."""

import asyncio
import time
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from loguru import logger
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect

from apps.api.bodies import MEBIBYTE, find_request_id, read_json, validate_envelope
from apps.api.dependencies import get_audit, get_queue, get_settings
from apps.api.errors import KINDS, STARTED, InvalidBodyError, problem_response
from apps.api.routers.predict import OK_HEADERS, PROBLEMS, log_failure
from apps.api.rows import CheckedRows, Faults, RowChecker
from apps.api.waiting import CLIENT_CLOSED_REQUEST, TIMEOUT_HEADER, timeout_of, wait_or_hang_up
from core.managers.block import Block
from core.schemas.catalog import CatalogEntry
from core.schemas.outcome import RowError, RowErrorCode
from core.utilities.clock import milliseconds_since, uuid7
from core.utilities.errors import DeadlinePassedError, PredictionError, TripcastError

MAX_BODY_BYTES = 4 * MEBIBYTE
MANY_BAD_ROWS = 500
"""The outcomes of more than these take so long to write down that a thread does it."""
_LATE = {RowErrorCode.DEADLINE_PASSED}


def build_batch_router(entry: CatalogEntry) -> APIRouter:
    """Return the batch route of one model."""
    router = APIRouter(prefix=f"/{entry.resource}", tags=[entry.resource])
    checker = RowChecker(entry)

    async def predict_batch(request: Request) -> Response:
        request_id: str | None = None
        body = b""
        try:
            body = await read_json(request.scope, request.receive, limit=MAX_BODY_BYTES)
            envelope = validate_envelope(entry.batch_request, body).__dict__
            request_id = envelope["request_id"]
            timeout_s = timeout_of(request.scope, get_settings(request))
            rows = await checker.check(envelope[entry.collection], body=body, request_id=request_id)
            version = envelope["model_version"]
            block = await _predict(request, entry, rows, version=version, request_id=request_id, timeout_s=timeout_s)
        except InvalidBodyError as error:
            return problem_response(request, error, request_id=request_id or find_request_id(body))
        except TripcastError as error:
            log_failure(request.scope, error, request_id=request_id)
            return problem_response(request, error, request_id=request_id)
        except ClientDisconnect:
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        bad = len(rows.faults) + (len(block.errors) if block else 0)
        render = partial(_outcomes, entry.output, rows, block)
        outcomes = await asyncio.to_thread(render) if bad > MANY_BAD_ROWS else render()
        return _reply(request, entry, outcomes, rows, block, asked=version is not None, request_id=request_id)

    router.add_api_route(
        "/predict/batch",
        predict_batch,
        methods=["POST"],
        operation_id=f"predict_{entry.resource}_batch",
        summary=f"Predict {entry.model.replace('_', ' ')} for many rows",
        response_model=entry.batch_reply,
        responses={200: OK_HEADERS, **PROBLEMS},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"$ref": f"#/components/schemas/{entry.batch_request.__name__}"}}
                },
            },
            "parameters": [TIMEOUT_HEADER],
        },
    )
    return router


async def _predict(
    request: Request,
    entry: CatalogEntry,
    rows: CheckedRows,
    *,
    version: str | None,
    request_id: str,
    timeout_s: float,
) -> Block | None:
    """Predict the good rows, if there are any.

    Raises
    ------
    DeadlinePassedError
        If none was answered in time.
    """
    if not rows.places:
        return None
    prediction = get_queue(request).predict_block(
        entry.model, version, rows.columns, request_id=request_id, timeout_s=timeout_s
    )
    block = await wait_or_hang_up(request.receive, prediction)
    if len(block.errors) == block.rows and {error.code for error in block.errors.values()} == _LATE:
        get_audit(request).note_block(
            rows.columns,
            rows.places,
            block,
            asked=version is not None,
            request_id=request_id,
            transaction_id=uuid7(),
            total_ms=milliseconds_since(request.scope[STARTED]),
            answered=False,
        )
        raise DeadlinePassedError("no answer before the deadline")
    return block


def _reply(
    request: Request,
    entry: CatalogEntry,
    outcomes: list[dict[str, Any]],
    rows: CheckedRows,
    block: Block | None,
    *,
    asked: bool,
    request_id: str,
) -> Response:
    transaction_id = uuid7()
    body = {
        "reply_code": 0,
        "request_id": request_id,
        "transaction_id": transaction_id,
        "model_name": entry.model,
        "model_version": (block and block.version) or get_queue(request).champion(entry.model),
        "outcomes": outcomes,
    }
    content = orjson.dumps(body)
    total_ms = (time.perf_counter() - request.scope[STARTED]) * 1000
    timings = (block.queue_ms, block.features_ms, block.predict_ms) if block else (0.0, 0.0, 0.0)
    parts = zip(("queue", "features", "predict", "total"), (*timings, total_ms), strict=True)
    headers = {
        "X-Request-ID": request_id,
        "Server-Timing": ", ".join(f"{name};dur={duration:.3f}" for name, duration in parts),
    }
    _log(request, body, total_ms=total_ms)
    response = Response(content, headers=headers, media_type="application/json")
    if block is not None:
        response.background = BackgroundTask(
            _note, request, rows, block, asked=asked, transaction_id=transaction_id, total_ms=total_ms
        )
    return response


async def _note(
    request: Request, rows: CheckedRows, block: Block, *, asked: bool, transaction_id: str, total_ms: float
) -> None:
    """Record the answers, once they have left."""
    get_audit(request).note_block(
        rows.columns,
        rows.places,
        block,
        asked=asked,
        request_id=block.request_id,
        transaction_id=transaction_id,
        total_ms=total_ms,
    )


def _outcomes(output: str, rows: CheckedRows, block: Block | None) -> list[dict[str, Any]]:
    """Return one outcome a row, in the order of the request."""
    if block is None:
        return [_invalid(index, faults) for index, faults in rows.faults.items()]
    if not rows.faults and not block.errors:
        return [{output: prediction} for prediction in block.predictions]
    outcomes: list[dict[str, Any]] = [{}] * (len(rows.places) + len(rows.faults))
    for position, (index, prediction) in enumerate(zip(rows.places, block.predictions, strict=True)):
        error = block.errors.get(position)
        outcomes[index] = {output: prediction} if error is None else _failed(index, error)
    for index, faults in rows.faults.items():
        outcomes[index] = _invalid(index, faults)
    return outcomes


def _invalid(index: int, faults: Faults) -> dict[str, Any]:
    return _problem(InvalidBodyError, index, detail="the row is not what this model takes", errors=faults)


def _failed(index: int, error: RowError) -> dict[str, Any]:
    if error.code is RowErrorCode.DEADLINE_PASSED:
        return _problem(DeadlinePassedError, index, detail=error.detail)
    return _problem(PredictionError, index, detail=error.code.value)


def _problem(kind: type[TripcastError], index: int, *, detail: str, errors: Faults | None = None) -> dict[str, Any]:
    known = KINDS[kind]
    problem: dict[str, Any] = {
        "index": index,
        "type": known.urn,
        "title": known.title,
        "detail": detail,
        "reply_code": known.reply_code,
    }
    if errors is not None:
        problem["errors"] = errors
    return {"error": problem}


def _log(request: Request, body: dict[str, Any], *, total_ms: float) -> None:
    """Log a slow batch in any case, another where each request is logged."""
    settings = get_settings(request)
    slow = total_ms > settings.log_slow_ms
    if slow or settings.log_requests == "all":
        logger.bind(request_id=body["request_id"], transaction_id=body["transaction_id"], total_ms=total_ms).log(
            "WARNING" if slow else "INFO", "{}batch answered: {} rows", "slow " if slow else "", len(body["outcomes"])
        )
