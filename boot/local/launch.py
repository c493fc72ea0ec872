"""Start everything on this machine, keep it running, stop it."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from boot.local.broker import find_server, flavour, is_external, wait_for_broker
from boot.local.child import ChildSpec
from boot.local.children import (
    beat_children,
    broker_child,
    child_environment,
    pipeline_children,
    recorder_child,
    web_child,
    worker_children,
)
from boot.local.console import Console
from boot.local.errors import LaunchError
from boot.local.lock import exclusive
from boot.local.ports import LOOPBACK, free_port, require_free_port
from boot.local.readiness import missing_part, wait_until_ready
from boot.local.supervisor import Supervisor
from config import BROKER_DIR, ROOT, Settings
from core.managers.local_system import LocalSystem, announce_system
from core.schemas.catalog import CATALOG
from core.utilities.urls import redact_url

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WILDCARDS = {"0.0.0.0": LOOPBACK, "::": "::1", "": LOOPBACK}  # noqa: S104 (read, not bound)


@dataclass(frozen=True, kw_only=True)
class Broker:
    """The broker that the children use; ``child`` is None where it is not ours to start."""

    url: str | None = None
    port: int = 0
    child: ChildSpec | None = None


def launch(settings: Settings, *, console: Console, inherited: Mapping[str, str] = os.environ) -> None:
    """Run the whole system until it is told to stop (Ctrl-C, SIGTERM, SIGHUP).

    Raises
    ------
    LaunchError
        If it cannot be started; whatever was started is stopped again.
    """
    # Who starts it twice is told that it runs, rather than that the port is in use: another port would not help.
    with _broker(settings, inherited=inherited, directory=BROKER_DIR) as broker:
        require_free_port(host=settings.http_host, port=settings.http_port, setting="HTTP_PORT")
        environment = child_environment(settings, inherited=inherited, broker_url=broker.url, colour=console.colour)
        asyncio.run(_run(settings, console=console, broker=broker, environment=environment))


@contextmanager
def _broker(settings: Settings, *, inherited: Mapping[str, str], directory: Path) -> Iterator[Broker]:
    """Decide which broker is used, and hold the data of our own."""
    if is_external(settings):
        yield Broker()
        return
    port = _broker_port(settings)
    url = f"redis://{LOOPBACK}:{port}/0"
    server = find_server()
    with exclusive(directory) as lock:
        _announce(settings, broker_url=url, directory=directory)
        data = directory / flavour(server)
        data.mkdir(exist_ok=True)
        child = broker_child(server, port=port, directory=data, environment=inherited, lock=lock)
        yield Broker(url=url, port=port, child=child)


def _announce(settings: Settings, *, broker_url: str, directory: Path) -> None:
    """Let commands in another terminal find this system."""
    system = LocalSystem(
        models_dir=str(settings.models_dir.resolve()),
        broker_url=broker_url,
        result_backend_url=settings.celery_result_backend or broker_url,
    )
    try:
        announce_system(directory, system)
    except OSError as error:
        raise LaunchError(f"Cannot keep the broker's data in {directory}: {error.strerror}") from error


def _broker_port(settings: Settings) -> int:
    """Return ``REDIS_PORT`` if the user gave one, else any free port: 6379 may well be somebody else's."""
    if "redis_port" not in settings.model_fields_set:
        return free_port()
    require_free_port(host=LOOPBACK, port=settings.redis_port, setting="REDIS_PORT")
    return settings.redis_port


async def _run(settings: Settings, *, console: Console, broker: Broker, environment: Mapping[str, str]) -> None:
    """Start the children, wait for a signal or a failure, stop the children."""
    supervisor = Supervisor(console=console)
    stop = asyncio.Event()
    _on_signals(stop, supervisor, console)
    work = asyncio.create_task(_serve(settings, supervisor, console=console, broker=broker, environment=environment))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        work.cancel()
        stopped.cancel()
        await asyncio.gather(work, stopped, return_exceptions=True)
        await supervisor.stop()
        console.say("stopped")


async def _serve(
    settings: Settings, supervisor: Supervisor, *, console: Console, broker: Broker, environment: Mapping[str, str]
) -> None:
    """Bring the system up and stay; returns never, raises LaunchError if a part cannot be started."""
    failure = asyncio.create_task(supervisor.failure())
    up = asyncio.create_task(_bring_up(settings, supervisor, console=console, broker=broker, environment=environment))
    try:
        await asyncio.wait({failure, up}, return_when=asyncio.FIRST_COMPLETED)
        if up.done():
            up.result()
        await failure
    finally:
        up.cancel()
        failure.cancel()
        await asyncio.gather(up, failure, return_exceptions=True)


async def _bring_up(
    settings: Settings, supervisor: Supervisor, *, console: Console, broker: Broker, environment: Mapping[str, str]
) -> None:
    """Start broker, workers and web, and wait until the system answers."""
    started = time.monotonic()
    if broker.child is not None:
        supervisor.start(broker.child)
        await wait_for_broker(broker.port)
    console.say(f"broker at {redact_url(environment['CELERY_BROKER_URL'])}")
    for spec in worker_children(settings, directory=ROOT, environment=environment):
        supervisor.start(spec)
    supervisor.start(web_child(directory=ROOT, environment=environment))
    host = _WILDCARDS.get(settings.http_host, settings.http_host)
    # Without workers of its own the launcher cannot promise an answer, only a web server.
    path = "/health/ready" if settings.workers else "/health/live"
    await wait_until_ready(partial(missing_part, host=host, port=settings.http_port, path=path), say=console.say)
    # Last, as nobody waits for them: predictions are served sooner.
    supervisor.start(recorder_child(directory=ROOT, environment=environment))
    for children in (pipeline_children, beat_children):
        for spec in children(settings, directory=ROOT, environment=environment):
            supervisor.start(spec)
    supervisor.settle()
    console.say(f"ready after {time.monotonic() - started:.1f} s")
    console.block(greeting(settings, host=host))


def greeting(settings: Settings, *, host: str) -> str:
    """Return what a user needs to know when all is up: the addresses, and a request to try."""
    authority = f"[{host}]" if ":" in host else host
    base = f"http://{authority}:{settings.http_port}"
    lines = [""]
    for entry in CATALOG:
        lines.append(f"  API    {base}/{settings.api_version}/{entry.resource}/predict")
    lines += [f"  Docs   {base}/docs", "", "  Try it:", ""]
    for entry in (entry for entry in CATALOG if entry.essential):
        body = json.dumps(_example(entry.request.model_config))
        url = f"{base}/{settings.api_version}/{entry.resource}/predict"
        lines.append(f"  curl -s {url} -H 'Content-Type: application/json' -d '{body}'")
    lines += ["", "  Commands, in another terminal:", "", f"  {_python()} -m apps.cli --help"]
    return "\n".join([*lines, "", "  Ctrl-C stops it.", ""])


def _python() -> str:
    """Return the interpreter of this environment, which need not be the one on the ``PATH``."""
    try:
        return str(Path(sys.executable).relative_to(Path.cwd()))
    except ValueError:
        return sys.executable


def _example(model_config: Any) -> Any:  # noqa: ANN401 (JSON)
    """Return the example that a request's schema carries."""
    return model_config["json_schema_extra"]["examples"][0]


def _on_signals(stop: asyncio.Event, supervisor: Supervisor, console: Console) -> None:
    """Stop at the first signal, at once at the second."""

    def handle() -> None:
        if stop.is_set():
            supervisor.kill()
        else:
            console.say("stopping; once more to stop at once")
            stop.set()

    for number in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, handle)
