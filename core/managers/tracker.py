"""Writes a run into mlflow's database: ``python -m core.managers.tracker``, with a :class:`TrackedRun` on stdin.

A process of its own, since mlflow takes 100 MiB and three seconds to import, configures loggers and caches connections.
"""

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from core.schemas.tracking import TrackedRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_TAG = "run_id"


def write(tracked: TrackedRun) -> None:
    """Write a run; one that is there already, since it was resumed, gets the new state, metrics and tags."""
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_LOGGING_LEVEL": "WARNING"}
    from mlflow import MlflowClient  # noqa: PLC0415 (the environment must be set before)
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415

    tracked.database.parent.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{tracked.database.resolve()}")
    run_id = _find(client, tracked)
    at = _milliseconds(tracked.finished_at)
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, at, 0) for name, value in tracked.metrics.items()],
        params=[Param(name, value) for name, value in tracked.parameters.items()],
        tags=[RunTag(name, value) for name, value in tracked.tags.items()],
    )
    client.set_terminated(run_id, status="FINISHED" if tracked.succeeded else "FAILED", end_time=at)


def _find(client: "MlflowClient", tracked: TrackedRun) -> str:
    """Return mlflow's id of the run, which is created at the first time."""
    experiment = client.get_experiment_by_name(tracked.experiment)
    known = client.create_experiment(tracked.experiment) if experiment is None else experiment.experiment_id
    found = client.search_runs([known], filter_string=f"tags.{RUN_TAG} = '{tracked.run_id}'")
    if found:
        client.set_tag(found[0].info.run_id, "mlflow.runName", tracked.name)
        return str(found[0].info.run_id)
    began, tags = _milliseconds(tracked.started_at), {RUN_TAG: tracked.run_id}
    return str(client.create_run(known, start_time=began, run_name=tracked.name, tags=tags).info.run_id)


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


if __name__ == "__main__":
    write(TrackedRun.model_validate_json(sys.stdin.buffer.read()))
