"""A RabbitMQ node of its own for the end-to-end tests, with its files in a folder and no trace elsewhere."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from celery import Celery
from kombu import Connection
from kombu.exceptions import OperationalError

from core.managers.dead_letters import COUNT_KEY
from tests.e2e.processes import QUEUES, Stack, create_stack, free_port, running, wait_until

SCRIPTS = Path("/usr/lib/rabbitmq/bin")
"""Where Debian and RPM packages keep the scripts. Those on the PATH change the user and lose the environment."""


def find_rabbitmq() -> Path | None:
    """Return the script that starts a node, ``None`` if RabbitMQ or Erlang is not installed."""
    found = shutil.which("rabbitmq-server", path=f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}")
    return Path(found) if found and shutil.which("epmd") else None


@dataclass(frozen=True)
class RabbitMQ:
    """A node that listens on the loopback interface only."""

    folder: Path
    port: int = field(default_factory=free_port)
    node_port: int = field(default_factory=free_port)
    names_port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Its URL, the default virtual host; ``guest`` is admitted from the loopback interface."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def connection(self) -> Connection:
        """Return a plain connection to it, not connected yet."""
        return Connection(self.url, connect_timeout=2)

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        try:
            with self.connection() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=2)
        except (OperationalError, OSError):
            return False
        return True

    def length(self, queue: str) -> int:
        """Return how many messages wait in a queue, unacknowledged ones not included."""
        with self.connection() as connection, connection.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).message_count)

    def forget(self) -> None:
        """Delete the queues, with whatever is in them or under way."""
        with self.connection() as connection, connection.channel() as channel:
            for queue in QUEUES:
                channel.queue_delete(queue)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the node; its data stays in the folder, so that it can be run again."""
        server = find_rabbitmq()
        assert server is not None
        with ExitStack() as stack:
            # A node would start the name server as a daemon that outlives it; so it finds one running.
            names = ["epmd", "-address", "127.0.0.1", "-port", str(self.names_port)]
            stack.callback(kill, stack.enter_context(running(*names, log=self.folder / "epmd.log")))
            process = stack.enter_context(running(str(server), log=self.folder / "rabbitmq.log", env=self._env()))
            stack.callback(kill, process)
            wait_until(self.answers, what="RabbitMQ answers")
            yield process

    def _env(self) -> dict[str, str]:
        plugins = self.folder / "enabled_plugins"
        plugins.write_text("[].\n")
        nothing = self.folder / "rabbitmq-env.conf"
        nothing.touch()
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"tripcast-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.node_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "rabbitmq-logs"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONF_ENV_FILE": str(nothing),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "no-such-config"),
        }


@dataclass(frozen=True)
class RabbitStack:
    """A stack whose messages go over RabbitMQ."""

    stack: Stack
    rabbit: RabbitMQ

    @property
    def settings(self) -> dict[str, str]:
        """What its processes are told."""
        return {"CELERY_BROKER_URL": self.rabbit.url}

    def client(self) -> Celery:
        """Return a plain Celery client."""
        return Celery(broker=self.rabbit.url, backend=self.stack.broker.url, set_as_current=False)

    @contextmanager
    def running(self, *, workers: int = 1, **settings: str) -> Iterator[list[int]]:
        """Run everything, a node only where none runs yet; gives the workers' process ids."""
        settings |= self.settings
        with ExitStack() as stack:
            stack.enter_context(self.stack.broker.running())
            if not self.rabbit.answers():
                stack.enter_context(self.rabbit.running())
            processes = [stack.enter_context(self.stack.worker(**settings)) for _ in range(workers)]
            stack.enter_context(self.stack.web(**settings))
            self.stack.wait_until_ready()
            wait_until(lambda: len(self.stack.broker.heartbeats()) == workers, what="all workers beat")
            yield [process.pid for process in processes]

    def dead_letters(self) -> int:
        """Return how many messages were set aside."""
        with self.stack.broker.client() as client:
            return int(str(client.get(COUNT_KEY) or 0))


def create_rabbit_stack(folder: Path) -> RabbitStack:
    """Return a stack and a node with their files in ``folder``; nothing runs yet."""
    return RabbitStack(stack=create_stack(folder), rabbit=RabbitMQ(folder=folder))


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and those below it; a node takes seconds if asked politely, the name server refuses."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
