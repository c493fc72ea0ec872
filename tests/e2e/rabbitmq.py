"""A RabbitMQ node of its own for the end-to-end tests, with its files in a folder and no trace elsewhere."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kombu import Connection
from kombu.exceptions import OperationalError

from tests.e2e.processes import free_port, running, wait_until

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


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and those below it; a node takes seconds if asked politely, the name server refuses."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
