"""``POST /v1/<resource>/predict``, one direct route for each catalog entry."""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Request, Response
from loguru import logger
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from apps.api.application import Application
from apps.api.bodies import find_request_id, read_json, validate
from apps.api.dependencies import State
from apps.api.errors import STARTED, InvalidBodyError, answer_unknown, describe, problem_response
from apps.api.waiting import CLIENT_CLOSED_REQUEST, TIMEOUT_HEADER, timeout_of, watch_for_hang_up
from config import Settings
from core.managers.audit import Audit
from core.managers.line import Row, RowAnswer
from core.schemas.catalog import CatalogEntry
from core.schemas.outcome import RowErrorCode
from core.schemas.route import VERSION_ID
from core.utilities.clock import milliseconds_since, uuid7
from core.utilities.errors import (
    DeadlinePassedError,
    OverloadError,
    PredictionError,
    TripcastError,
    UnknownVersionError,
)

TRANSACTION = "tripcast.transaction"
"""Key of the scope: an id that more than one place tells of."""


def add_predict_route(app: Application, entry: CatalogEntry, *, prefix: str) -> None:
    """Let ``app`` predict one row of ``entry``'s model."""
    body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{entry.request.__name__}"}}}
    description: dict[str, Any] = {
        "tags": [entry.resource],
        "operation_id": f"predict_{entry.resource}",
        "summary": f"Predict {entry.model.replace('_', ' ')}",
        "response_model": entry.reply,
        "responses": {200: OK_HEADERS, **PROBLEMS},
        "openapi_extra": {"requestBody": {"required": True, "content": body}, "parameters": [TIMEOUT_HEADER]},
    }
    endpoint = PredictEndpoint(entry)
    app.add_direct_route(f"{prefix}/{entry.resource}/predict", endpoint, description=description)
    described = {
        "operation_id": f"predict_{entry.resource}_by_version",
        "summary": f"Predict {entry.model.replace('_', ' ')} by one version",
        "openapi_extra": {**description["openapi_extra"], "parameters": [VERSION_IN_PATH, TIMEOUT_HEADER]},
    }
    app.add_handed_over_route(
        f"{prefix}/models/{entry.model}/versions/{{version}}/predict", endpoint, description=description | described
    )


class PredictEndpoint:
    """The ASGI application behind one such route. What it does is done for each request, so it does little."""

    def __init__(self, entry: CatalogEntry) -> None:
        self._entry = entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read one row, wait for its prediction, answer."""
        scope[STARTED] = time.perf_counter()
        state: State = scope["state"]
        body = b""
        request_id: str | None = None
        version: str | None = None
        values: tuple[Any, ...] = ()
        try:
            body = await read_json(scope, receive)
            request_id, version, values = self._decode(body)
            if "path_params" in scope:
                version = _the_one(version, scope["path_params"])
            answer = await self._predict(scope, receive, state, values, version=version, request_id=request_id)
        except ClientDisconnect:
            response = Response(status_code=CLIENT_CLOSED_REQUEST)
        except InvalidBodyError as error:
            response = problem_response(Request(scope), error, request_id=find_request_id(body))
        except TripcastError as error:
            features: dict[str, Any] = dict(zip(self._entry.features, values, strict=False))
            log_failure(scope, error, request_id=request_id, features=features)
            response = problem_response(Request(scope), error, request_id=request_id)
        except Exception as error:  # noqa: BLE001 (no stack may reach a caller)
            response = answer_unknown(Request(scope), error)
        else:
            await self._reply(scope, send, state, values, answer, asked=version is not None, request_id=request_id)
            return
        await response(scope, receive, send)

    def _decode(self, body: bytes) -> tuple[str, str | None, tuple[Any, ...]]:
        """Return the request id, the version asked for and the features of a body."""
        message: BaseModel = validate(self._entry.request, body)
        content = message.__dict__
        values = tuple([content[name] for name in self._entry.features])
        return content["request_id"], content["model_version"], values

    async def _predict(
        self,
        scope: Scope,
        receive: Receive,
        state: State,
        values: tuple[Any, ...],
        *,
        version: str | None,
        request_id: str,
    ) -> RowAnswer:
        """Wait for the prediction, and after a while also for the caller to hang up.

        Raises
        ------
        ClientDisconnect
            If the caller is gone; his row is out of the line.
        """
        queue = state["queue"]
        timeout_s = timeout_of(scope, state["settings"])
        row = queue.join(self._entry.model, version, values, request_id=request_id, timeout_s=timeout_s)
        try:
            with watch_for_hang_up(receive, lambda: row.fail(ClientDisconnect())):
                return await queue.answer(row)
        except (PredictionError, DeadlinePassedError) as error:
            note_failure(state["audit"], scope, self._entry.model, row, error)
            raise
        finally:
            queue.leave(row)

    async def _reply(
        self,
        scope: Scope,
        send: Send,
        state: State,
        values: tuple[Any, ...],
        answer: RowAnswer,
        *,
        asked: bool,
        request_id: str,
    ) -> None:
        settings = state["settings"]
        transaction_id = uuid7()
        total_ms = milliseconds_since(scope[STARTED])
        body = orjson.dumps(
            {
                "reply_code": 0,
                self._entry.output: answer.prediction,
                "request_id": request_id,
                "transaction_id": transaction_id,
                "model_name": answer.model,
                "model_version": answer.version,
            }
        )
        timing = (
            f"queue;dur={answer.queue_ms:.3f}, features;dur={answer.features_ms:.3f}, "
            f"predict;dur={answer.predict_ms:.3f}, total;dur={total_ms:.3f}"
        )
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            (b"server-timing", timing.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        state["audit"].note_row(
            self._entry.model,
            values,
            answer,
            asked=asked,
            request_id=request_id,
            transaction_id=transaction_id,
            total_ms=total_ms,
        )
        if total_ms > settings.log_slow_ms or settings.log_requests == "all":
            _log_request(settings, answer, request_id=request_id, transaction_id=transaction_id, total_ms=total_ms)


def note_failure(audit: Audit, scope: Scope, model: str, row: Row, error: TripcastError) -> None:
    """Record a row that was sent and came back without a prediction, under the id that the log has."""
    audit.note_failure(
        model,
        row.values,
        version=_version_of(row),
        code=_code_of(error),
        asked=not row.routed,
        request_id=row.request_id,
        transaction_id=scope.setdefault(TRANSACTION, uuid7()),
        total_ms=milliseconds_since(scope[STARTED]),
    )


def _the_one(asked: str | None, path: Mapping[str, str]) -> str | None:
    """Return the version that the body or the path asks for.

    Raises
    ------
    UnknownVersionError
        If they ask for different ones, which no version can be, or the path for what is no id.
    """
    version = path.get("version")
    if version is None or asked == version:
        return asked
    if asked is not None:
        raise UnknownVersionError(f"the path asks for version {version}, the body for {asked}")
    if not re.fullmatch(VERSION_ID, version):
        raise UnknownVersionError("there is no such version")
    return version


def _version_of(row: Row) -> str:
    """Return the version that failed on a row, or that was to answer it; empty where no worker said which."""
    if row.answer.done() and not row.answer.cancelled() and row.answer.exception() is None:
        return row.answer.result().version
    # A line that nobody stands in is false.
    return (row.line.version or "") if row.line is not None else ""


def _code_of(error: TripcastError) -> str:
    """Return the code of a row that has no prediction."""
    if isinstance(error, DeadlinePassedError):
        return RowErrorCode.DEADLINE_PASSED
    text = str(error)
    return text if text in set(RowErrorCode) else RowErrorCode.MODEL_ERROR


def log_failure(
    scope: Scope, error: TripcastError, *, request_id: str | None, features: dict[str, Any] | None = None
) -> None:
    """Log what failed; a row that the model failed on with its features, so that it can be tried again."""
    if isinstance(error, OverloadError):
        return  # A line for each would cost more than the refusal; the queue client counts them.
    context: dict[str, Any] = {"request_id": request_id, "total_ms": milliseconds_since(scope[STARTED])}
    if isinstance(error, PredictionError):
        context |= {"transaction_id": scope.get(TRANSACTION) or uuid7(), "features": features}
    logger.bind(**context).warning("{}: {}", type(error).__name__, error)


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


PROBLEMS = describe(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
VERSION_IN_PATH: dict[str, Any] = {
    "name": "version",
    "in": "path",
    "required": True,
    "description": "Id of the version.",
    "schema": {"type": "string", "pattern": VERSION_ID},
}
OK_HEADERS: dict[str, Any] = {
    "description": "The prediction, or the outcome of each row.",
    "headers": {
        "X-Request-ID": {"description": "The caller's request_id.", "schema": {"type": "string"}},
        "Server-Timing": {"description": "queue, features, predict, total (ms).", "schema": {"type": "string"}},
    },
}
