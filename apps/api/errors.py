"""From an error to an HTTP answer: the one table, and the handlers that use it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from loguru import logger
from starlette.exceptions import HTTPException
from starlette.routing import Match

from core.schemas.problem import Problem
from core.utilities import errors
from core.utilities.clock import uuid7
from core.utilities.errors import TripcastError

BAD_REQUEST, MODEL_FAILED, FORBIDDEN, QUEUE_FAILED, TIMED_OUT = 100, 101, 102, 103, 1
PROBLEM_JSON = "application/problem+json"
STARTED = "tripcast.started"


class RequestError(TripcastError):
    """Root of the errors that a request's own form causes."""


class InvalidBodyError(RequestError):
    """Raised when a body is not JSON or not what the route takes; carries what is wrong with it."""

    def __init__(self, detail: str, items: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.items = items


class InvalidHeaderError(RequestError):
    """Raised when a header's value cannot be used."""


class WrongKeyError(RequestError):
    """Raised when a route is for those who have a key, and it is missing or wrong."""


class UnsupportedMediaTypeError(RequestError):
    """Raised when a body is not declared as JSON."""


class BodyTooLargeError(RequestError):
    """Raised when a body is larger than the route takes."""


@dataclass(frozen=True)
class Kind:
    """What an error class becomes outside."""

    status: HTTPStatus
    reply_code: int
    title: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def urn(self) -> str:
        """The problem's type."""
        return "urn:tripcast:problem:" + self.title.lower().replace(" ", "-")


_INTERNAL = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, MODEL_FAILED, "Internal error")
_RETRY_SOON = {"Retry-After": "1"}
_RETRY_LATER = {"Retry-After": "3"}
"""A worker that was replaced answers after about three seconds."""

_REQUEST_KINDS: Mapping[type[TripcastError], Kind] = {
    InvalidBodyError: Kind(HTTPStatus.BAD_REQUEST, BAD_REQUEST, "Invalid request"),
    InvalidHeaderError: Kind(HTTPStatus.BAD_REQUEST, BAD_REQUEST, "Invalid header"),
    UnsupportedMediaTypeError: Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, BAD_REQUEST, "Unsupported media type"),
    # The rest of the body is never read, so the connection cannot be used again.
    BodyTooLargeError: Kind(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, BAD_REQUEST, "Body too large", {"Connection": "close"}
    ),
}
PREDICTION_KINDS: Mapping[type[TripcastError], Kind] = {
    **_REQUEST_KINDS,
    errors.PredictionError: Kind(HTTPStatus.INTERNAL_SERVER_ERROR, MODEL_FAILED, "Prediction failed"),
    errors.UnknownVersionError: Kind(HTTPStatus.NOT_FOUND, BAD_REQUEST, "Unknown version"),
    errors.BrokerUnavailableError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, QUEUE_FAILED, "Broker unavailable", _RETRY_SOON
    ),
    errors.NoWorkerError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, QUEUE_FAILED, "No worker", _RETRY_LATER),
    errors.NoVersionError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, QUEUE_FAILED, "No version", _RETRY_LATER),
    errors.LineFullError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, QUEUE_FAILED, "Too many requests wait", _RETRY_SOON),
    errors.OverloadError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, QUEUE_FAILED, "Overloaded", _RETRY_SOON),
    errors.DeadlinePassedError: Kind(HTTPStatus.GATEWAY_TIMEOUT, TIMED_OUT, "Deadline passed"),
}
RUN_KINDS: Mapping[type[TripcastError], Kind] = {
    **_REQUEST_KINDS,
    errors.UnknownModelError: Kind(HTTPStatus.BAD_REQUEST, BAD_REQUEST, "Unknown model"),
    errors.UnknownRunError: Kind(HTTPStatus.NOT_FOUND, BAD_REQUEST, "Unknown run"),
    errors.RunStateError: Kind(HTTPStatus.CONFLICT, BAD_REQUEST, "Not in this state"),
    errors.DatabaseUnavailableError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, QUEUE_FAILED, "Database unavailable", _RETRY_LATER
    ),
}
MODEL_KINDS: Mapping[type[TripcastError], Kind] = {
    **_REQUEST_KINDS,
    WrongKeyError: Kind(HTTPStatus.UNAUTHORIZED, FORBIDDEN, "Key needed", {"WWW-Authenticate": "APIKey"}),
    errors.UnknownVersionError: PREDICTION_KINDS[errors.UnknownVersionError],
    errors.VersionStateError: Kind(HTTPStatus.CONFLICT, BAD_REQUEST, "Version not in this state"),
    errors.RouteRefusedError: Kind(HTTPStatus.CONFLICT, BAD_REQUEST, "Route refused"),
    errors.BoardUnavailableError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, QUEUE_FAILED, "Route board unavailable", _RETRY_LATER
    ),
    errors.ArtifactError: Kind(HTTPStatus.CONFLICT, BAD_REQUEST, "Version not whole"),
    errors.ArtifactIntegrityError: Kind(HTTPStatus.CONFLICT, BAD_REQUEST, "Version was changed"),
    errors.DatabaseUnavailableError: RUN_KINDS[errors.DatabaseUnavailableError],
}
COMPARISON_KINDS: Mapping[type[TripcastError], Kind] = {
    **_REQUEST_KINDS,
    WrongKeyError: MODEL_KINDS[WrongKeyError],
    errors.UnknownVersionError: PREDICTION_KINDS[errors.UnknownVersionError],
    errors.ComparisonError: Kind(HTTPStatus.CONFLICT, BAD_REQUEST, "Not compared"),
    errors.ComparisonUnavailableError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, QUEUE_FAILED, "Comparison unavailable", _RETRY_LATER
    ),
    errors.DeadlinePassedError: PREDICTION_KINDS[errors.DeadlinePassedError],
}
KINDS: Mapping[type[TripcastError], Kind] = {
    **PREDICTION_KINDS,
    **RUN_KINDS,
    **MODEL_KINDS,
    **COMPARISON_KINDS,
}
"""Every error class that a request can meet; any other is an internal error, logged with its stack."""


def add_error_handlers(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document."""

    @app.exception_handler(TripcastError)
    async def _known(request: Request, error: TripcastError) -> Response:
        return problem_response(request, error)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        kind = Kind(status, BAD_REQUEST, status.phrase.capitalize(), error.headers or {})
        if status is HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods_of(request)):
            kind = replace(kind, headers={**kind.headers, "Allow": ", ".join(methods)})
        return _response(request, kind, detail=status.description or status.phrase, request_id=None)

    @app.exception_handler(Exception)
    async def _unknown(request: Request, error: Exception) -> Response:
        return answer_unknown(request, error)


def _methods_of(request: Request) -> list[str]:
    """Return the methods of all routes of a path; Starlette's own answer names those of the first one only.

    Routes of an included router are not seen: there the first one's methods are all.
    """
    here = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in here for method in getattr(route, "methods", None) or ()})


def answer_unknown(request: Request, error: Exception) -> Response:
    """Log an error that nobody expected and return an answer that tells nothing of it."""
    logger.opt(exception=error).error("a request failed unexpectedly: {}", request.url.path)
    return _response(request, _INTERNAL, detail="the request failed", request_id=None)


def problem_response(request: Request, error: TripcastError, *, request_id: str | None = None) -> Response:
    """Return the answer to ``error``: its kind's status, its own message as detail."""
    kind = KINDS.get(type(error))
    if kind is None:
        logger.opt(exception=error).error("an error without a status: {}", type(error).__name__)
        return _response(request, _INTERNAL, detail="the request failed", request_id=request_id)
    items = error.items if isinstance(error, InvalidBodyError) else None
    if isinstance(error, errors.OverloadError):
        kind = replace(kind, headers={"Retry-After": str(error.retry_after_s)})
    return _response(request, kind, detail=str(error), request_id=request_id, items=items)


def overload_body(path: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the request id in the answer to a request for ``path`` in an overload."""
    error = errors.OverloadError(1)
    body = orjson.dumps(_body(KINDS[type(error)], path=path, detail=str(error), request_id="#"))
    before, after = body.split(b"#")
    return before, after


def _response(
    request: Request,
    kind: Kind,
    *,
    detail: str,
    request_id: str | None,
    items: Sequence[Mapping[str, Any]] | None = None,
) -> Response:
    body = _body(kind, path=request.url.path, detail=detail, request_id=request_id)
    if items is not None:
        body["errors"] = items
    headers = {"X-Request-ID": request_id or uuid7(), **kind.headers}
    started = request.scope.get(STARTED)
    if started is not None:
        headers["Server-Timing"] = f"total;dur={(time.perf_counter() - started) * 1000:.3f}"
    return Response(orjson.dumps(body), status_code=kind.status, headers=headers, media_type=PROBLEM_JSON)


def _body(kind: Kind, *, path: str, detail: str, request_id: str | None) -> dict[str, Any]:
    return {
        "type": kind.urn,
        "title": kind.title,
        "status": kind.status.value,
        "detail": detail,
        "instance": path,
        "request_id": request_id,
        "reply_code": kind.reply_code,
    }


def describe(
    *statuses: HTTPStatus, kinds: Mapping[type[TripcastError], Kind] = PREDICTION_KINDS
) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of the problems with these statuses, which errors of ``kinds`` can cause."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        titles = sorted({kind.title for kind in kinds.values() if kind.status == status}) or [status.phrase]
        described[status.value] = {"description": "; ".join(titles), "content": {PROBLEM_JSON: {"schema": _SCHEMA}}}
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            described[status.value]["headers"] = {
                "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}
            }
        if status is HTTPStatus.UNAUTHORIZED:
            described[status.value]["headers"] = {
                "WWW-Authenticate": {"description": "What is needed: a key.", "schema": {"type": "string"}}
            }
    return described


_SCHEMA = {"$ref": f"#/components/schemas/{Problem.__name__}"}
