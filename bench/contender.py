"""A contender: how it is started, where it answers, and whether it answers right."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.models import Served
from bench.processes import environment, running
from bench.trips import KNOWN
from bench.wrk import PREDICT_PATH
from boot.local.broker import find_server, server_command
from boot.local.ports import LOOPBACK
from config import ROOT
from tests.e2e.processes import free_port

START_TIMEOUT_S = 60.0
POLL_S = 0.05
NAIVE_GREENLETS = 4
TOLERANCE = 1e-9
"""Relative, for answers: room for another order of a sum."""


class ContenderError(Exception):
    """Raised when a contender does not start, or answers the known trip with another duration than scikit-learn."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A contender that was started.

    Parameters
    ----------
    url : str
        Where it answers.
    processes : mapping of str to Popen
        What was started for it: ``web``, ``worker``, ``broker``; a ``launcher`` starts more.
    broker_url : str
        Of its broker, if it has one.
    """

    url: str
    processes: Mapping[str, subprocess.Popen[bytes]]
    broker_url: str = ""

    @property
    def roots(self) -> dict[str, int]:
        """The process ids of what was started, by kind."""
        return {kind: process.pid for kind, process in self.processes.items()}

    def ask(self) -> float | None:
        """Return the minutes of the known trip; None if there is no answer yet."""
        try:
            response = httpx.post(self.url + PREDICT_PATH, json=KNOWN, timeout=30).raise_for_status()
        except httpx.HTTPError:
            return None
        return float(response.json()["duration"])

    def wait(self) -> float:
        """Wait until it answers; return the minutes of the known trip.

        Raises
        ------
        ContenderError
            If one of its processes ends, or it takes too long.
        """
        give_up = time.monotonic() + START_TIMEOUT_S
        while (answer := self.ask()) is None:
            ended = [kind for kind, process in self.processes.items() if process.poll() is not None]
            if ended or time.monotonic() > give_up:
                raise ContenderError(f"its {ended[0]} ended" if ended else f"no answer in {START_TIMEOUT_S:g} s")
            time.sleep(POLL_S)
        return answer


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to serve a model over HTTP.

    Parameters
    ----------
    name : str
        Short, for tables and options.
    application : str
        Its module in ``bench.contenders``; empty: ours.
    web_processes : int
        How many of them; ours decides by itself.
    environment : mapping of str to str
        What its processes are told beside the model.
    models : tuple of str
        The models that it can serve.
    predicts : bool
        Whether it answers with a prediction at all, or with the distance.
    queue : bool
        Whether it has a broker and a Celery worker.
    """

    name: str
    application: str = ""
    web_processes: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ("linear", "champion", "trees", "dial")
    predicts: bool = True
    queue: bool = False

    @contextmanager
    def running(self, model: Served, *, root: Path = ROOT) -> Iterator[Running]:
        """Start it, with a folder of its own; wait until it answers, and answers right; end it on leaving.

        For ours, ``root`` is the working tree whose ``boot.local`` is started.

        Raises
        ------
        ContenderError
            If it does not.
        """
        with tempfile.TemporaryDirectory(prefix=f"bench-{self.name}-") as name, ExitStack() as stack:
            folder = Path(name)
            started = self._start(model, folder, stack) if self.application else _start_ours(model, folder, stack, root)
            try:
                self._check(started.wait(), model)
            except ContenderError as error:
                for log in sorted(folder.glob("*.log")):
                    error.add_note(f"{log.name}: {log.read_text()[-2000:]}")
                raise
            yield started

    def _check(self, answer: float, model: Served) -> None:
        expected = model.expected_min if self.predicts else KNOWN["trip_distance"]
        if abs(answer - expected) > TOLERANCE * expected:
            raise ContenderError(f"it answers {answer} where {expected} is right")

    def _start(self, model: Served, folder: Path, stack: ExitStack) -> Running:
        """Start uvicorn and, for a queue, a broker and a worker."""
        port, processes, broker_url = free_port(), {}, ""
        env = environment(**model.environment, **self.environment)
        log, module = folder / "contender.log", f"bench.contenders.{self.application}"
        if self.queue:
            broker_url, processes["broker"] = _start_broker(folder, stack)
            env["CELERY_BROKER_URL"] = broker_url
            celery = (
                sys.executable,
                "-m",
                "celery",
                "-A",
                module,
                "worker",
                "-P",
                "gevent",
                "-c",
                str(NAIVE_GREENLETS),
            )
            processes["worker"] = stack.enter_context(running(*celery, log=log, env=env))
        uvicorn = (sys.executable, "-m", "uvicorn", "--factory", f"{module}:create_app", "--port", str(port))
        options = ("--no-access-log", "--loop", "uvloop", "--http", "httptools", "--workers", str(self.web_processes))
        processes["web"] = stack.enter_context(running(*uvicorn, *options, log=log, env=env))
        return Running(url=f"http://{LOOPBACK}:{port}", processes=processes, broker_url=broker_url)


def _start_ours(model: Served, folder: Path, stack: ExitStack, root: Path) -> Running:
    """Start what ``make run`` starts, with its defaults; only the port and the folders are others, and nothing trains.

    The broker is the same program with the same options, but started here: the launcher would keep its data in the
    working tree, where a system that the user runs keeps its own.
    """
    broker_url, broker = _start_broker(folder, stack)
    port = free_port()
    env = environment(
        **model.settings,
        CELERY_BROKER_URL=broker_url,
        HTTP_PORT=str(port),
        LOG_DIR=str(folder / "logs"),
        PIPELINE_WORKERS="0",
    )
    command = (sys.executable, "-m", "boot.local")
    launcher = stack.enter_context(running(*command, log=folder / "launcher.log", env=env, folder=root))
    processes = {"broker": broker, "launcher": launcher}
    return Running(url=f"http://{LOOPBACK}:{port}", processes=processes, broker_url=broker_url)


def _start_broker(folder: Path, stack: ExitStack) -> tuple[str, subprocess.Popen[bytes]]:
    """Start a broker as the launcher does; return its URL and its process."""
    port, data = free_port(), folder / "broker"
    data.mkdir()
    command = server_command(find_server(), port=port, directory=data)
    process = stack.enter_context(running(*command, log=folder / "broker.log", env=environment()))
    return f"redis://{LOOPBACK}:{port}/0", process
