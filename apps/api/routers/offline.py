"""``POST /v1/offline/ingest``, ``prepare`` and ``train``: queue runs of the pipeline, which its workers execute."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from apps.api.bodies import read_json, validate
from apps.api.dependencies import RunsDep
from apps.api.errors import RUN_KINDS, InvalidBodyError, describe
from apps.api.routers.runs import ACCEPTED, ALWAYS, TAGS, RunView, view
from core.schemas.run import IngestRequest, PrepareRequest, RunRequest

WORKS: dict[str, tuple[type[RunRequest], str]] = {
    "ingest": (IngestRequest, "Queue a run that takes in the raw files of the months, and ends."),
    "prepare": (PrepareRequest, "Queue a run that ends with checked trips that a model may learn from."),
    "train": (RunRequest, "Queue a run that trains, evaluates and registers a version."),
}
"""What can be asked for: the body that it takes, and what it does."""


def add_offline_routes(app: FastAPI, *, prefix: str) -> None:
    """Let ``app`` queue runs."""
    for work in WORKS:
        _add(app, work, prefix=prefix)


def _add(app: FastAPI, work: str, *, prefix: str) -> None:
    body_model, summary = WORKS[work]
    schema = {"$ref": f"#/components/schemas/{body_model.__name__}"}

    @app.post(
        f"{prefix}/offline/{work}",
        tags=TAGS,
        operation_id=f"{work}_offline",
        summary=work.capitalize(),
        description=summary,
        status_code=HTTPStatus.ACCEPTED,
        response_model=RunView,
        responses={202: ACCEPTED, **_BODY, **ALWAYS},
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}},
    )
    async def create(request: Request, response: Response, runs: RunsDep) -> RunView:
        try:
            body = await read_json(request.scope, request.receive)
        except ClientDisconnect:
            raise InvalidBodyError("the caller hung up") from None
        wanted = validate(body_model, body)
        run = await runs.ask(lambda desk: desk.create(wanted))
        response.headers["Location"] = f"{prefix}/runs/{run.id}"
        return view(run)


_BODY = describe(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    kinds=RUN_KINDS,
)
