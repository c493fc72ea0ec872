"""``POST /v1/online/prepare`` and ``serve``: one raw row, as the TLC's files have it, through the queue."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from apps.api.bodies import find_request_id, read_json, validate
from apps.api.dependencies import get_audit, get_queue, get_settings
from apps.api.errors import STARTED, InvalidBodyError, problem_response
from apps.api.routers.predict import OK_HEADERS, PROBLEMS, TRANSACTION, log_failure, note_failure
from apps.api.waiting import CLIENT_CLOSED_REQUEST, TIMEOUT_HEADER, timeout_of, wait_or_hang_up
from core.schemas.catalog import TRIP_DURATION
from core.schemas.raw_trip import PreparedTrip, RawTripRequest
from core.schemas.trip import TripRow
from core.utilities.clock import milliseconds_since, uuid7
from core.utilities.errors import DeadlinePassedError, PredictionError, TripcastError

Answer = Callable[[Request, TripRow, str], Coroutine[Any, Any, Mapping[str, Any]]]
"""What a route does with a row of a caller's request id; the fields of its answer."""


def build_online_router() -> APIRouter:
    """Return both routes."""
    router = APIRouter(prefix="/online", tags=["online"])
    _add(router, "prepare", _prepare, summary="Show what the model looks at in a raw row", reply=PreparedTrip)
    _add(router, "serve", _serve, summary="Predict a raw row", reply=TRIP_DURATION.reply)
    return router


def _add(router: APIRouter, work: str, answer: Answer, *, summary: str, reply: type[BaseModel]) -> None:
    async def respond(request: Request) -> Response:
        request_id: str | None = None
        body = b""
        try:
            body = await read_json(request.scope, request.receive)
            raw = validate(RawTripRequest, body)
            request_id = raw.request_id
            request.scope[TRANSACTION] = transaction_id = uuid7()
            content = await wait_or_hang_up(request.receive, answer(request, raw.row(), request_id))
        except InvalidBodyError as error:
            return problem_response(request, error, request_id=find_request_id(body))
        except TripcastError as error:
            log_failure(request.scope, error, request_id=request_id)
            return problem_response(request, error, request_id=request_id)
        except ClientDisconnect:
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        told = {"reply_code": 0, **content, "request_id": request_id, "transaction_id": transaction_id}
        return Response(orjson.dumps(told), headers={"X-Request-ID": request_id}, media_type="application/json")

    schema = {"$ref": f"#/components/schemas/{RawTripRequest.__name__}"}
    router.add_api_route(
        f"/{work}",
        respond,
        methods=["POST"],
        operation_id=f"{work}_online",
        summary=summary,
        response_model=reply,
        responses={200: _OK, **PROBLEMS},
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "parameters": [TIMEOUT_HEADER],
        },
    )


async def _prepare(request: Request, row: TripRow, _: str) -> Mapping[str, Any]:
    settings = get_settings(request)
    values = row.model_dump()
    prepared = await get_queue(request).prepare_row(
        TRIP_DURATION.model,
        None,
        values,
        timeout_s=timeout_of(request.scope, settings),
    )
    features = {name: column[0] for name, column in prepared.features.items()}
    return {"model_name": prepared.model, "model_version": prepared.version, "row": values, "features": features}


async def _serve(request: Request, row: TripRow, request_id: str) -> Mapping[str, Any]:
    queue, audit, scope = get_queue(request), get_audit(request), request.scope
    values = tuple(getattr(row, name) for name in TRIP_DURATION.features)
    timeout_s = timeout_of(scope, get_settings(request))
    place = queue.join(TRIP_DURATION.model, None, values, request_id=request_id, timeout_s=timeout_s)
    try:
        answer = await queue.answer(place)
    except (PredictionError, DeadlinePassedError) as error:
        note_failure(audit, scope, TRIP_DURATION.model, place, error)
        raise
    finally:
        queue.leave(place)
    audit.note_row(
        TRIP_DURATION.model,
        values,
        answer,
        asked=False,
        request_id=request_id,
        transaction_id=scope[TRANSACTION],
        total_ms=milliseconds_since(scope[STARTED]),
    )
    return {TRIP_DURATION.output: answer.prediction, "model_name": answer.model, "model_version": answer.version}


_OK = {**OK_HEADERS, "headers": {"X-Request-ID": OK_HEADERS["headers"]["X-Request-ID"]}}
