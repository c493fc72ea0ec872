"""``/v1/runs``: runs of the pipeline, to look at and to steer."""

from datetime import datetime
from enum import Enum
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict

from apps.api.dependencies import RunsDep
from apps.api.errors import RUN_KINDS, describe
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
    """Let ``app`` show and steer runs."""
    path = f"{prefix}/runs"

    @app.get(path, tags=TAGS, responses=ALWAYS, operation_id="list_runs")
    async def newest(runs: RunsDep) -> RunList:
        """List the newest runs, 50 at most."""
        return RunList(runs=[view(run) for run in await runs.ask(lambda desk: desk.newest())])

    @app.get(f"{path}/{{run_id}}", tags=TAGS, responses=ALWAYS, operation_id="show_run")
    async def show(run_id: str, runs: RunsDep) -> RunView:
        """Show a run with its steps."""
        return view(await runs.ask(lambda desk: desk.get(run_id)))

    @app.post(
        f"{path}/{{run_id}}/cancel",
        tags=TAGS,
        operation_id="cancel_run",
        responses={**_CONFLICT, **ALWAYS},
    )
    async def cancel(run_id: str, runs: RunsDep) -> RunView:
        """Cancel a run; one that runs stops before its next step."""
        return view(await runs.ask(lambda desk: desk.cancel(run_id)))

    @app.post(
        f"{path}/{{run_id}}/resume",
        tags=TAGS,
        operation_id="resume_run",
        status_code=HTTPStatus.ACCEPTED,
        response_model=RunView,
        responses={202: ACCEPTED, **_CONFLICT, **ALWAYS},
    )
    async def resume(run_id: str, response: Response, runs: RunsDep) -> RunView:
        """Queue a failed run again; it goes on at the step that failed."""
        run = await runs.ask(lambda desk: desk.resume(run_id))
        response.headers["Location"] = f"{path}/{run.id}"
        return view(run)


TAGS: list[str | Enum] = ["runs"]
ALWAYS = describe(
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    kinds=RUN_KINDS,
)
_CONFLICT = describe(HTTPStatus.CONFLICT, kinds=RUN_KINDS)
ACCEPTED: dict[str, Any] = {
    "description": "Queued.",
    "headers": {"Location": {"description": "Path of the run.", "schema": {"type": "string"}}},
}
