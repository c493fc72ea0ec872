"""The Celery application of the training pipeline: a queue on a database of its own."""

from typing import Any

from celery import Celery
from celery.schedules import crontab
from kombu import Queue

from config import Settings

QUEUE = "tasks.pipeline"
EXECUTE_RUN = "tasks.pipeline.tasks.execute"
LOOK_FOR_DATA = "tasks.pipeline.tasks.look_for_data"
START_RUN = "tasks.pipeline.tasks.start_run"
VISIBILITY_TIMEOUT_S = 3600
"""Longer than a run should take; who comes too late finds that the run was started since, and drops the message."""
SOCKET_TIMEOUT_S = 3.0
BEAT_LOOP_S = 10.0
BEAT_SILENCE_S = 60.0


class PipelineCelery(Celery):
    """A Celery application that carries what its tasks need."""

    settings: Settings


def create_pipeline_celery(settings: Settings) -> PipelineCelery:
    """Return the Celery application for ``settings``. Results are in the database of the runs, so it has no backend."""
    app = PipelineCelery("tripcast-pipeline", broker=settings.pipeline_url)
    app.conf.update(_configuration(settings))
    app.settings = settings
    return app


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what Celery beat sends: nothing, unless the settings ask for it."""
    entries: dict[str, dict[str, Any]] = {}
    if settings.pipeline_watch:
        period_s = settings.pipeline_watch_s
        # A worker that trains is busy for long; looks that pile up meanwhile are worth nothing.
        entries["look"] = {"task": LOOK_FOR_DATA, "schedule": period_s, "options": {"expires": period_s}}
    if settings.pipeline_schedule:
        entries["start"] = {"task": START_RUN, "schedule": crontab.from_string(settings.pipeline_schedule)}
    return entries


def _configuration(settings: Settings) -> dict[str, Any]:
    redis = settings.pipeline_url.startswith(("redis://", "rediss://"))
    return {
        "include": ["tasks.pipeline.tasks"],
        "task_queues": [Queue(QUEUE, routing_key=QUEUE)],
        "task_default_queue": QUEUE,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        # A run leaves its process large; the next one gets a new one, which is small until then.
        "worker_max_tasks_per_child": 1,
        "beat_schedule": beat_schedule(settings),
        # Beat answers a ping (boot/probe/beat.py) while it looks at its schedule so often, and no longer once it does not.
        "beat_enable_remote_control": True,
        "beat_max_loop_interval": BEAT_LOOP_S,
        "beat_remote_control_max_tick_age": BEAT_SILENCE_S,
        "beat_schedule_filename": str(settings.data_dir / "beat" / "schedule"),
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            "socket_timeout": SOCKET_TIMEOUT_S,
            "socket_connect_timeout": SOCKET_TIMEOUT_S,
        }
        if redis
        else {},
    }
