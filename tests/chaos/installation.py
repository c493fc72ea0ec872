"""What the faults are injected into: a broker, and everything else as the launcher runs it."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from core.managers.heartbeat import INDEX_KEY, worker_key
from tests.chaos.poison import CLASS, PoisonedModel
from tests.e2e.processes import Broker, Stack, free_port, running, wait_until

WORKERS = 2
WEB_WORKERS = 2
START_TIMEOUT_S = 60.0


@dataclass
class Installation:
    """One running system; ``broker_port`` is what web and workers connect to, a proxy's perhaps."""

    stack: Stack
    broker_port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    disk_kib: int = 0
    """Size that no file of its processes may exceed; 0: any."""
    _broker: subprocess.Popen[bytes] | None = None
    _launcher: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator["Installation"]:
        """Run everything; returns once both workers serve."""
        url = f"redis://127.0.0.1:{self.broker_port}/0"
        env = self.stack.env(
            CELERY_BROKER_URL=url,
            CELERY_RESULT_BACKEND=url,
            WORKERS=str(WORKERS),
            WEB_WORKERS=str(WEB_WORKERS),
            PIPELINE_WORKERS="0",
            **self.settings,
        )
        try:
            self.start_broker()
            # Only Linux ends the children of a launcher that was killed.
            politely = sys.platform != "linux"
            log = self.stack.folder / "launcher.log"
            with running(*self._command(), log=log, env=env, politely=politely) as process:
                self._launcher = process
                self.wait_until_whole()
                yield self
        finally:
            self.kill_broker()

    def _command(self) -> tuple[str, ...]:
        launcher = (sys.executable, "-m", "boot.local")
        if not self.disk_kib:
            return launcher
        return ("bash", "-c", f'ulimit -f {self.disk_kib}; exec "$@"', "bash", *launcher)

    def wait_until_whole(self) -> None:
        """Return once all workers beat and the web is ready."""
        wait_until(lambda: len(self.workers()) >= WORKERS, timeout_s=START_TIMEOUT_S, what="all workers beat")
        wait_until(lambda: self.stack.status("/health/ready") == 200, timeout_s=START_TIMEOUT_S, what="ready")

    def workers(self) -> list[int]:
        """Return the process ids of the workers that beat."""
        with self.stack.broker.client() as client:
            names = sorted(client.smembers(INDEX_KEY))
            beats = client.mget([worker_key(name) for name in names]) if names else []
        pids = [int(json.loads(beat)["pid"]) for beat in beats if beat is not None]
        return [pid for pid in pids if psutil.pid_exists(pid)]

    def web_master(self) -> psutil.Process:
        """Return gunicorn's master."""
        assert self._launcher is not None
        children = psutil.Process(self._launcher.pid).children()
        return next(child for child in children if _runs(child, "gunicorn"))

    def kill_worker(self, sig: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to one of the workers; return its process id."""
        pid = wait_until(self.workers, what="a worker beats")[0]
        os.kill(pid, sig)
        return pid

    def start_broker(self) -> None:
        """Run the broker, with the data that it left."""
        self._context = self.stack.broker.running()
        self._broker = self._context.__enter__()

    def kill_broker(self, *, forget: bool = False) -> None:
        """SIGKILL the broker; with ``forget`` its data is gone too."""
        if self._broker is not None:
            self._broker.kill()
            self._broker.wait()
            self._broker = None
        if forget:
            shutil.rmtree(self.stack.broker.folder / "appendonlydir")


def _runs(process: psutil.Process, program: str) -> bool:
    try:
        return program in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def create_installation(
    folder: Path, *, proxied: bool = False, poisoned: bool = False, max_rows: int = 0, disk_kib: int = 0
) -> Installation:
    """Return an installation with its files in ``folder``; nothing runs yet."""
    stack = Stack(folder=folder, broker=Broker(port=free_port(), folder=folder), http_port=free_port())
    settings = {"WORKER_MAX_ROWS": str(max_rows)}
    if poisoned:
        model = folder / "poisoned.pickle"
        model.write_bytes(pickle.dumps(PoisonedModel()))
        settings |= {"TRIP_DURATION_MODEL": str(model), "MODEL_ALLOWED_CLASSES": CLASS, "MODEL_TIMEOUT_S": "3"}
    port = free_port() if proxied else stack.broker.port
    return Installation(stack=stack, broker_port=port, settings=settings, disk_kib=disk_kib)
