"""``POST /v1/offline/train`` and ``/v1/runs``: training runs, executed by workers of the pipeline."""

from datetime import datetime
from enum import Enum
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect

from apps.api.bodies import read_json, validate
from apps.api.dependencies import RunsDep
from apps.api.errors import RUN_KINDS, InvalidBodyError, describe
from core.schemas.run import Run, RunRequest, RunState, StepRecord

SERVER_SIDE = "it failed on files of the server; the command line shows why"


class RunView(BaseModel):
    """A run as callers see it."""

    model_config = ConfigDict(frozen=True)

    id: str
    state: RunState
    step: str | None
    """The step that it is at, or failed at."""
    request: RunRequest
    """What it was asked to do."""
    champion: str | None
    """The version that it is compared with."""
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    version: str | None
    """What it registered."""
    steps: list[StepRecord]


class RunList(BaseModel):
    """The newest runs, the last created first."""

    runs: list[RunView]


def view(run: Run) -> RunView:
    """Return what callers may see of a run: not the server's paths, nor its processes."""
    parameters = run.parameters
    return RunView(
        id=run.id,
        state=run.state,
        step=run.step,
        request=RunRequest(**{name: getattr(parameters, name) for name in RunRequest.model_fields}),
        champion=parameters.champion,
        attempt=run.attempt,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        error=SERVER_SIDE if run.error and parameters.data else run.error,
        version=run.version,
        steps=list(run.steps),
    )


def add_run_routes(app: FastAPI, *, prefix: str) -> None:
    """Let ``app`` create, show and steer training runs."""
    path = f"{prefix}/runs"

    @app.post(
        f"{prefix}/offline/train",
        tags=_TAGS,
        operation_id="train_offline",
        status_code=HTTPStatus.ACCEPTED,
        response_model=RunView,
        responses={202: _ACCEPTED, **_BODY, **_ALWAYS},
        openapi_extra={"requestBody": _REQUEST_BODY},
    )
    async def train(request: Request, response: Response, runs: RunsDep) -> RunView:
        """Queue a training run; a worker of the pipeline executes it."""
        try:
            body = await read_json(request.scope, request.receive)
        except ClientDisconnect:
            raise InvalidBodyError("the caller hung up") from None
        wanted = validate(RunRequest, body)
        run = await runs.ask(lambda desk: desk.create(wanted))
        response.headers["Location"] = f"{path}/{run.id}"
        return view(run)

    @app.get(path, tags=_TAGS, responses=_ALWAYS, operation_id="list_runs")
    async def newest(runs: RunsDep) -> RunList:
        """List the newest runs, 50 at most."""
        return RunList(runs=[view(run) for run in await runs.ask(lambda desk: desk.newest())])

    @app.get(f"{path}/{{run_id}}", tags=_TAGS, responses=_ALWAYS, operation_id="show_run")
    async def show(run_id: str, runs: RunsDep) -> RunView:
        """Show a run with its steps."""
        return view(await runs.ask(lambda desk: desk.get(run_id)))

    @app.post(
        f"{path}/{{run_id}}/cancel",
        tags=_TAGS,
        operation_id="cancel_run",
        responses={**_CONFLICT, **_ALWAYS},
    )
    async def cancel(run_id: str, runs: RunsDep) -> RunView:
        """Cancel a run; one that runs stops before its next step."""
        return view(await runs.ask(lambda desk: desk.cancel(run_id)))

    @app.post(
        f"{path}/{{run_id}}/resume",
        tags=_TAGS,
        operation_id="resume_run",
        status_code=HTTPStatus.ACCEPTED,
        response_model=RunView,
        responses={202: _ACCEPTED, **_CONFLICT, **_ALWAYS},
    )
    async def resume(run_id: str, response: Response, runs: RunsDep) -> RunView:
        """Queue a failed run again; it goes on at the step that failed."""
        run = await runs.ask(lambda desk: desk.resume(run_id))
        response.headers["Location"] = f"{path}/{run.id}"
        return view(run)


_TAGS: list[str | Enum] = ["runs"]
_ALWAYS = describe(
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    kinds=RUN_KINDS,
)
_BODY = describe(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    kinds=RUN_KINDS,
)
_CONFLICT = describe(HTTPStatus.CONFLICT, kinds=RUN_KINDS)
_ACCEPTED: dict[str, Any] = {
    "description": "Queued.",
    "headers": {"Location": {"description": "Path of the run.", "schema": {"type": "string"}}},
}
_REQUEST_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{RunRequest.__name__}"}}},
}
