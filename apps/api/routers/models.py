"""``/v1/models``: the versions of the models and who answers, for those who have the key."""

from collections.abc import Sequence
from enum import Enum
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from apps.api.bodies import read_json, validate
from apps.api.dependencies import ComparisonsDep, VersionsDep
from apps.api.errors import COMPARISON_KINDS, MODEL_KINDS, InvalidBodyError, describe
from apps.api.keys import ADMIN_ONLY
from apps.api.lazy_desk import VersionDesk
from core.schemas.catalog import CATALOG
from core.schemas.comparison import Comparison, ComparisonRequest
from core.schemas.route import Route
from core.schemas.route_request import (
    CanaryRequest,
    DeployRequest,
    PromoteRequest,
    RollbackRequest,
    RouteRequest,
    ShadowRequest,
    StopCanaryRequest,
)
from core.schemas.version import Reason, RouteChange, VersionDetails, VersionEvent, VersionRecord

BodyT = TypeVar("BodyT", bound=BaseModel)
EVENTS = {
    VersionEvent.APPROVE: "Let routes name a version.",
    VersionEvent.FREEZE: "Keep an approved version for ever: it can never be retired.",
    VersionEvent.RETIRE: "Let no route name a version any more.",
}
CHANGES: dict[str, type[RouteRequest]] = {
    "deploy": DeployRequest,
    "canary": CanaryRequest,
    "stop-canary": StopCanaryRequest,
    "shadow": ShadowRequest,
    "promote": PromoteRequest,
    "rollback": RollbackRequest,
}
"""What can become of a route: the body that it takes."""
BODIES: tuple[type[BaseModel], ...] = (Reason, ComparisonRequest, *CHANGES.values())


class ModelView(BaseModel):
    """A model with its versions, the last registered first."""

    model_config = ConfigDict(frozen=True)

    name: str
    route: Route | None
    """Who answers; null where no version does."""
    versions: Sequence[VersionRecord]


class ModelList(BaseModel):
    """The models of the catalog."""

    models: list[ModelView]


class RouteHistoryView(BaseModel):
    """The last changes of a route, the newest first, also those that were refused; 50 at most."""

    changes: Sequence[RouteChange]


def add_model_routes(app: FastAPI, *, prefix: str) -> None:
    """Let ``app`` show and change versions and routes."""
    _add_reading(app, f"{prefix}/models")
    for event in EVENTS:
        _add_event(app, event, path=f"{prefix}/models/{{name}}/versions/{{version}}/{event.value}")
    for action in CHANGES:
        _add_change(app, action, path=f"{prefix}/models/{{name}}/route/{action}")
    _add_comparison(app, path=f"{prefix}/models/{{name}}/diff")


def _add_reading(app: FastAPI, path: str) -> None:
    shared: dict[str, Any] = {"tags": TAGS, "responses": ALWAYS, "dependencies": ADMIN_ONLY}

    @app.get(path, operation_id="list_models", **shared)
    async def models(versions: VersionsDep) -> ModelList:
        """List the models with their versions and routes."""
        return ModelList(models=await versions.ask(lambda desk: [_view(desk, entry.model) for entry in CATALOG]))

    @app.get(f"{path}/{{name}}", operation_id="show_model", **shared)
    async def model(name: str, versions: VersionsDep) -> ModelView:
        """Show a model with its versions and its route."""
        known = _known(name)
        return await versions.ask(lambda desk: _view(desk, known))

    @app.get(f"{path}/{{name}}/versions/{{version}}", operation_id="show_version", **_conflict(shared))
    async def version(name: str, version: str, versions: VersionsDep) -> VersionDetails:
        """Show a version: its manifest without the golden rows, and who did what with it, when and why."""
        known = _known(name)
        return await versions.ask(lambda desk: desk.details(known, version))

    @app.get(f"{path}/{{name}}/route", operation_id="show_route", **shared)
    async def route(name: str, versions: VersionsDep) -> Route:
        """Show who answers."""
        known = _known(name)
        found = await versions.ask(lambda desk: desk.route(known))
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return found

    @app.get(f"{path}/{{name}}/history", operation_id="show_history", **shared)
    async def history(name: str, versions: VersionsDep) -> RouteHistoryView:
        """List the last changes of a route, also those that were refused."""
        known = _known(name)
        return RouteHistoryView(changes=await versions.ask(lambda desk: desk.history(known)))


def _add_event(app: FastAPI, event: VersionEvent, *, path: str) -> None:
    @app.post(path, operation_id=f"{event.value}_version", **_changing(Reason, EVENTS[event], event.value))
    async def change(name: str, version: str, request: Request, versions: VersionsDep) -> VersionRecord:
        known = _known(name)
        reason = await _body(request, Reason)
        return await versions.ask(lambda desk: desk.change(known, version, event, reason))


def _add_change(app: FastAPI, action: str, *, path: str) -> None:
    body_model = CHANGES[action]
    told = f"{body_model.__doc__} Every worker holds what the route names before anybody is answered by it."

    @app.post(path, operation_id=f"{action.replace('-', '_')}_route", **_changing(body_model, told, action))
    async def change(name: str, request: Request, versions: VersionsDep) -> RouteChange:
        known = _known(name)
        wanted = await _body(request, body_model)
        return await versions.ask(lambda desk: desk.change_route(known, wanted))


def _add_comparison(app: FastAPI, *, path: str) -> None:
    options = _changing(ComparisonRequest, str(ComparisonRequest.__doc__), "diff")
    options["responses"] = _COMPARED

    @app.post(path, operation_id="diff_versions", **options)
    async def diff(name: str, request: Request, comparisons: ComparisonsDep) -> Comparison:
        known = _known(name)
        return await comparisons.compare(known, await _body(request, ComparisonRequest))


def _known(name: str) -> str:
    """Return the name of a model of the catalog; no other one has a path."""
    if name not in {entry.model for entry in CATALOG}:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return name


def _view(desk: VersionDesk, model: str) -> ModelView:
    return ModelView(name=model, route=desk.route(model), versions=desk.versions(model))


async def _body(request: Request, model: type[BodyT]) -> BodyT:
    try:
        return validate(model, await read_json(request.scope, request.receive))
    except ClientDisconnect:
        raise InvalidBodyError("the caller hung up") from None


def _changing(body: type[BaseModel], description: str, name: str) -> dict[str, Any]:
    """Return what FastAPI is told of a route that changes something."""
    schema = {"$ref": f"#/components/schemas/{body.__name__}"}
    return {
        "tags": TAGS,
        "summary": name.replace("-", " ").capitalize(),
        "description": description,
        "dependencies": ADMIN_ONLY,
        "responses": {**_CONFLICT, **_BODY, **ALWAYS},
        "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}},
    }


def _conflict(options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "responses": {**_CONFLICT, **options["responses"]}}


TAGS: list[str | Enum] = ["models"]
ALWAYS = describe(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    kinds=MODEL_KINDS,
)
_CONFLICT = describe(HTTPStatus.CONFLICT, kinds=MODEL_KINDS)
_BODY = describe(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    kinds=MODEL_KINDS,
)
_COMPARED = {
    **_BODY,
    **describe(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.CONFLICT,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
        kinds=COMPARISON_KINDS,
    ),
}
