"""Real processes for the end-to-end tests: broker, worker and web, each on free ports."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import SystemRandom
from typing import Any, TypeVar

import httpx
import redis

from boot.local.broker import find_server
from core.schemas.catalog import CATALOG
from tests.promises import LateError

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
ANSWER_TIMEOUT_S = 65.0
"""Longer than the deadline of a request."""
EXAMPLE = {"request_id": "1", "PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}
QUEUES = tuple(queue for entry in CATALOG for queue in (entry.queue, entry.quarantine_queue))
PORTS = range(15_000, 32_000)
"""Below the ports that systems give to outgoing connections, one of which could take it before we do."""


def _own_ports() -> list[int]:
    """Return, in any order, the ports that no other process of this run of tests gives away."""
    number, processes = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    own = PORTS[int(number.removeprefix("gw")) :: int(processes)]
    return SystemRandom().sample(own, len(own))


_PORTS = cycle(_own_ports())


def free_port() -> int:
    """Return a port that nothing listens on, and that was not given away before: who asked may not listen yet."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(condition: Callable[[], T], *, timeout_s: float = START_TIMEOUT_S, what: str = "") -> T:
    """Return what ``condition`` returns once that is true; fail with `LateError` if it is not in time."""
    limit = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > limit:
            raise LateError(f"not within {timeout_s} s: {what or condition}")
        time.sleep(0.02)
    return found


@contextmanager
def running(
    *command: str, log: Path, env: Mapping[str, str] | None = None, politely: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group of its own; end the whole group on leaving.

    Not ``politely`` is by SIGKILL: what drains takes seconds, of which a test that is done has no use.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if not politely:
                process.kill()
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group: politely first."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@dataclass(frozen=True)
class Broker:
    """A Redis-compatible server of its own."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Its URL, database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """Return a client of it."""
        return redis.Redis(port=self.port, decode_responses=True)

    def heartbeats(self) -> list[dict[str, Any]]:
        """Return what the living workers tell about themselves."""
        with self.client() as client:
            keys = list(client.scan_iter("tripcast:worker:*"))
            return [json.loads(str(value)) for value in (client.get(key) for key in keys) if value is not None]

    def computing(self) -> bool:
        """Tell whether a worker has rows in hand."""
        return any(beat["rows_in_hand"] for beat in self.heartbeats())

    def idle(self) -> bool:
        """Tell whether nothing waits, and the workers say that they have no rows in hand; silence says nothing."""
        with self.client() as client:
            waiting = sum(client.llen(queue) for queue in QUEUES)
        beats = self.heartbeats()
        return not waiting and bool(beats) and not any(beat["rows_in_hand"] for beat in beats)

    def stays_idle(self, *, beats: int = 3) -> bool:
        """Tell whether the workers are idle for so many beats: between two tasks they are so for one."""
        first = self._newest_beat()
        while self.idle():
            if self._newest_beat() >= first + beats:
                return True
            time.sleep(0.02)
        return False

    def _newest_beat(self) -> int:
        return max((int(beat["beat"]) for beat in self.heartbeats()), default=0)

    def worker_pid(self) -> int:
        """Return the process id of a worker that beats; wait for one, since a beat may be late."""
        return int(wait_until(self.heartbeats, what="a worker beats")[0]["pid"])

    def answers(self) -> bool:
        """Tell whether it takes commands."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the server; its data stays in the folder, so that it can be run again."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        with running(str(find_server()), *options, "--appendonly", "yes", log=self.folder / "broker.log") as process:
            wait_until(self.answers, what="the broker answers")
            yield process


@dataclass(frozen=True)
class Stack:
    """One installation: a folder for its logs, a broker, a port for the web."""

    folder: Path
    broker: Broker
    http_port: int

    @property
    def url(self) -> str:
        """Address of the web server."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def predict_url(self) -> str:
        """Address of the prediction route."""
        return f"{self.url}/v1/trip/predict"

    def env(self, **settings: str) -> dict[str, str]:
        """Return the environment of its processes."""
        return {
            "CELERY_BROKER_URL": self.broker.url,
            "CELERY_RESULT_BACKEND": self.broker.url,
            "HTTP_PORT": str(self.http_port),
            "LOG_DIR": str(self.folder / "logs"),
            "WEB_WORKERS": "1",
            "WORKERS": "1",
            "DATA_DIR": str(self.folder / "data"),
            **settings,
        }

    @contextmanager
    def worker(self, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker process; returns without waiting for it to be ready."""
        name = f"e2e-{free_port()}@%h"
        options = ["-P", "gevent", "-Q", ",".join(QUEUES), "--without-gossip", "--without-mingle"]
        celery = [sys.executable, "-m", "celery", "-A", "tasks.worker", "worker", *options, "-n", name]
        with running(*celery, log=self.folder / "worker.log", env=self.env(**settings), politely=False) as process:
            yield process

    @contextmanager
    def web(self, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the web server; returns once it is live."""
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "boot/uvicorn/config.py"]
        env = self.env(**settings)
        with running(*gunicorn, log=self.folder / "web.log", env=env, politely=False) as process:
            wait_until(lambda: self.status("/health/live") == httpx.codes.OK, what="the web server is live")
            yield process

    @contextmanager
    def running(self, *, worker: Mapping[str, str] | None = None, **web: str) -> Iterator["Stack"]:
        """Run broker, worker and web; returns once predictions can be served."""
        with ExitStack() as stack:
            stack.enter_context(self.broker.running())
            stack.enter_context(self.worker(**(worker or {})))
            stack.enter_context(self.web(**web))
            self.wait_until_ready()
            yield self

    def wait_until_ready(self) -> None:
        """Return once ``/health/ready`` is 200; else fail with what the processes said."""
        try:
            wait_until(lambda: self.status("/health/ready") == httpx.codes.OK, what="predictions can be served")
        except AssertionError as error:
            for log in sorted(self.folder.glob("*.log")):
                error.add_note(f"{log.name}: {log.read_text()[-2000:]}")
            raise

    def status(self, path: str) -> int:
        """Return the status of a GET, 0 where nothing answers."""
        try:
            return httpx.get(self.url + path, timeout=5).status_code
        except httpx.TransportError:
            return 0

    def get(self, path: str) -> httpx.Response:
        """GET a path."""
        return httpx.get(self.url + path, timeout=ANSWER_TIMEOUT_S)

    def predict(self, headers: Mapping[str, str] | None = None, **changes: object) -> httpx.Response:
        """POST the example trip, with ``changes``."""
        return httpx.post(self.predict_url, json={**EXAMPLE, **changes}, headers=headers, timeout=ANSWER_TIMEOUT_S)

    def post(self, body: bytes | str, *, content_type: str = "application/json") -> httpx.Response:
        """POST any bytes."""
        return httpx.post(
            self.predict_url, content=body, headers={"Content-Type": content_type}, timeout=ANSWER_TIMEOUT_S
        )

    def log_lines(self, side: str) -> list[dict[str, Any]]:
        """Return the JSON lines below ``logs/<side>`` so far.

        A line is written after the answer that it tells of: who looks for one calls ``find_line``.
        """
        files = sorted((self.folder / "logs" / side).glob("*.jsonl"))
        return [json.loads(line) for file in files for line in complete_lines(file)]

    def find_line(self, side: str, **fields: Any) -> dict[str, Any]:
        """Return the first line of a side that holds these fields; wait until it is there."""

        def matching() -> list[dict[str, Any]]:
            return [line for line in self.log_lines(side) if fields.items() <= line.items()]

        return wait_until(matching, what=f"a line of {side} with {fields}")[0]


def complete_lines(file: Path) -> list[str]:
    """Return the lines of a file that others may be writing: the last one counts once its end is there."""
    try:
        text = file.read_text()
    except FileNotFoundError:  # a process that ends deletes the file of its log if it is empty
        return []
    return text[: text.rfind("\n") + 1].splitlines()


def create_stack(folder: Path) -> Stack:
    """Return a stack on free ports with its files in ``folder``; nothing runs yet."""
    return Stack(folder=folder, broker=Broker(port=free_port(), folder=folder), http_port=free_port())
