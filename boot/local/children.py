"""The commands and the environment of the processes that make up the system."""

import sys
from collections.abc import Mapping
from pathlib import Path

from boot.local.broker import server_command
from boot.local.child import ChildSpec
from config import Settings
from core.schemas.catalog import CATALOG

# Together below the 10 s in which everything is stopped, the kill of stragglers included. An idle worker
# takes 4.4 s: Celery on gevent looks for the wish to stop only between its blocking reads.
WEB_DRAIN_S = 3
WEB_GRACE_S = 3.4
WORKER_GRACE_S = 5.0
PIPELINE_GRACE_S = 2.0
"""A worker that trains is not waited for: its run goes on at that step when the system is up again."""
RECORDER_GRACE_S = 4.0
"""To write what it read; what it does not manage stays in the stream."""
BROKER_GRACE_S = 0.8

PIPELINE_QUEUE = "tasks.pipeline"
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def child_environment(
    settings: Settings, *, inherited: Mapping[str, str], broker_url: str | None, colour: bool
) -> dict[str, str]:
    """Return the environment of all children.

    Parameters
    ----------
    settings : Settings
        Of the launcher.
    inherited : Mapping of str to str
        The launcher's own environment.
    broker_url : str or None
        URL of the embedded broker; None: the settings name another.
    colour : bool
        Whether the launcher's terminal shows colours: its children write to pipes and cannot tell.
    """
    # Numeric libraries with several threads only add tail latency here. What the user says wins.
    environment = dict.fromkeys(_ONE_THREAD, "1") | dict(inherited)
    environment["PYTHONUNBUFFERED"] = "1"
    environment["CELERY_BROKER_URL"] = broker_url or settings.broker_url
    environment["CELERY_RESULT_BACKEND"] = settings.celery_result_backend or broker_url or settings.result_backend_url
    environment["FORCE_COLOR" if colour else "NO_COLOR"] = "1"
    return environment


def worker_command(settings: Settings, *, number: int) -> tuple[str, ...]:
    """Return the command of worker ``number``: it serves the queues of every model."""
    queues = ",".join(queue for entry in CATALOG for queue in (entry.queue, entry.quarantine_queue))
    return (
        *(sys.executable, "-m", "celery", "--quiet", "-A", "tasks.worker", "worker"),
        *("-P", "gevent", "-c", str(settings.worker_concurrency), "-Q", queues),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("-n", f"worker-{number}@%h"),
    )


def pipeline_command(*, number: int) -> tuple[str, ...]:
    """Return the command of pipeline worker ``number``; runs keep a processor busy, so each has a process of its own."""
    return (
        *(sys.executable, "-m", "celery", "--quiet", "-A", "tasks.pipeline.worker", "worker"),
        *("-P", "prefork", "-c", "1", "-Q", PIPELINE_QUEUE),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("-n", f"pipeline-{number}@%h"),
    )


def web_command() -> tuple[str, ...]:
    """Return the command of the web server; it reads its settings itself."""
    return (
        *(sys.executable, "-m", "gunicorn", "-c", "boot/uvicorn/config.py"),
        *("--graceful-timeout", str(WEB_DRAIN_S)),
    )


def broker_child(server: Path, *, port: int, directory: Path, environment: Mapping[str, str], lock: int) -> ChildSpec:
    """Return the broker: stopped last; it holds the lock on its data as long as it lives."""
    return ChildSpec(
        name="broker",
        command=server_command(server, port=port, directory=directory),
        directory=directory,
        environment=environment,
        stop_order=2,
        grace_s=BROKER_GRACE_S,
        pass_fds=(lock,),
    )


def web_child(*, directory: Path, environment: Mapping[str, str]) -> ChildSpec:
    """Return the web server: stopped first, so that requests under way are answered by workers still there."""
    return ChildSpec(
        name="web", command=web_command(), directory=directory, environment=environment, grace_s=WEB_GRACE_S
    )


def pipeline_children(settings: Settings, *, directory: Path, environment: Mapping[str, str]) -> list[ChildSpec]:
    """Return the pipeline workers."""
    return [
        ChildSpec(
            name=f"pipeline-{number}",
            command=pipeline_command(number=number),
            directory=directory,
            environment=environment,
            stop_order=1,
            grace_s=PIPELINE_GRACE_S,
        )
        for number in range(1, settings.pipeline_workers + 1)
    ]


def beat_children(settings: Settings, *, directory: Path, environment: Mapping[str, str]) -> list[ChildSpec]:
    """Return the one that starts runs by themselves, if the settings ask for it."""
    command = (sys.executable, "-m", "celery", "--quiet", "-A", "tasks.pipeline.worker", "beat")
    # The database starts one run of what two schedulers notice; a file of its process id would only be in the way.
    spec = ChildSpec(
        name="beat",
        command=(*command, "--pidfile="),
        directory=directory,
        environment=environment,
        stop_order=1,
        grace_s=PIPELINE_GRACE_S,
    )
    return [spec] if settings.runs_start_by_themselves else []


def recorder_child(*, directory: Path, environment: Mapping[str, str]) -> ChildSpec:
    """Return the recorder, which sleeps until something is recorded; stopped after the web, to take its last records."""
    return ChildSpec(
        name="recorder",
        command=(sys.executable, "-m", "apps.recorder"),
        directory=directory,
        environment=environment,
        stop_order=1,
        grace_s=RECORDER_GRACE_S,
    )


def worker_children(settings: Settings, *, directory: Path, environment: Mapping[str, str]) -> list[ChildSpec]:
    """Return the workers."""
    return [
        ChildSpec(
            name=f"worker-{number}",
            command=worker_command(settings, number=number),
            directory=directory,
            environment=environment,
            stop_order=1,
            grace_s=WORKER_GRACE_S,
        )
        for number in range(1, settings.workers + 1)
    ]
