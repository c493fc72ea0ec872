"""A compose project of its own, driven through the doors of the Makefile: name, port and password are nobody else's."""

import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.boot.docker.tools import COMPOSE_DIR, find_tool
from tests.containers.engine import Engine
from tests.e2e.processes import ANSWER_TIMEOUT_S, EXAMPLE, ROOT, free_port

UP_TIMEOUT_S = 300.0
LABEL = "com.docker.compose.project"
HANDED_DOWN = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARGS", "DEVICE", "TAG", "WORKERS", "HTTP_PORT")
"""What a `make` above this process would hand down to those below."""


class MakeError(Exception):
    """Raised when a target of the Makefile failed."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """How to reach a project.

    Parameters
    ----------
    folder : str
        A copy of the compose files; its ``.env``, which `make up` writes, is this project's own.
    tag : str
        Of the images.
    docker : str
        Path of the client.
    environment : mapping of str to str
        What the clients of the engine and compose need beside the environment of this process.
    """

    name: str
    port: int
    folder: str
    tag: str
    docker: str
    environment: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Keep it in a file, for another process."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Project":
        """Read what ``write`` wrote."""
        return cls(**json.loads(path.read_text()))

    @property
    def env(self) -> dict[str, str]:
        """The whole environment of a client."""
        inherited = {name: value for name, value in os.environ.items() if name not in HANDED_DOWN}
        return {**inherited, **self.environment, "COMPOSE_PROJECT_NAME": self.name, "HTTP_PORT": str(self.port)}

    @property
    def engine(self) -> Engine:
        """The engine."""
        return Engine(docker=self.docker, own=False, environment=self.environment)

    @property
    def url(self) -> str:
        """Address of the web server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """The password that `make up` made up."""
        [line] = [line for line in (Path(self.folder) / ".env").read_text().splitlines() if "REDIS_PASSWORD=" in line]
        return line.partition("=")[2]

    def make(self, target: str, *variables: str, timeout_s: float = UP_TIMEOUT_S) -> str:
        """Run a target of the Makefile on this project; return what it printed.

        Raises
        ------
        MakeError
            If it fails, or takes longer.
        """
        ours = (f"COMPOSE_DIR={self.folder}", f"DOCKER={self.docker}", f"DOCKER_COMPOSE={find_tool('docker-compose')}")
        command = ["make", "--no-print-directory", target, *ours, f"TAG={self.tag}", *variables]
        try:
            code, output = run_group(command, env=self.env, timeout_s=timeout_s)
        except subprocess.TimeoutExpired:
            raise MakeError(f"make {target} takes longer than {timeout_s:g} s") from None
        if code:
            raise MakeError(f"make {target} {' '.join(variables)}: {output[-6000:]}")
        return output

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of compose, whatever comes of it."""
        command = [str(find_tool("docker-compose")), "-f", f"{self.folder}/docker-compose.yml", *arguments]
        return subprocess.run(
            command, env={**self.env, "TAG": self.tag}, capture_output=True, text=True, check=False, timeout=300
        )

    def run_in(self, part: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the container of a part."""
        return self.compose("exec", "-T", part, *command)

    def containers(self, part: str) -> list[str]:
        """Return the ids of the containers of a part that exist, running or not, oldest number first."""
        filters = (f"label={LABEL}={self.name}", f"label=com.docker.compose.service={part}")
        found = self.engine.do("ps", "--all", "--quiet", *(f"--filter={filter_}" for filter_ in filters)).split()
        if not found:
            return []
        return [each["Id"] for each in sorted(self.engine.inspect(*found), key=_number)]

    def healthy(self, container: str) -> bool:
        """Tell whether a container runs and its health check says so."""
        [state] = [each["State"] for each in self.engine.inspect(container)]
        return bool(state["Running"] and state.get("Health", {}).get("Status") == "healthy")

    def logs(self) -> str:
        """Return the last words of all containers."""
        return self.compose("logs", "--tail", "30", "--no-color").stdout[-8000:]

    def down(self) -> None:
        """Stop everything, and remove it with its volumes and its folder."""
        self.make("down", "ARGS=--volumes --timeout 20")
        shutil.rmtree(self.folder, ignore_errors=True)

    def leftovers(self) -> list[str]:
        """Return what is still there of it, a line each."""
        filter_ = f"--filter=label={LABEL}={self.name}"
        listings = {
            "container": ("ps", "--all", filter_, "--format={{.Names}}"),
            "network": ("network", "ls", filter_, "--format={{.Name}}"),
            "volume": ("volume", "ls", filter_, "--format={{.Name}}"),
        }
        found = [f"{kind} {name}" for kind, words in listings.items() for name in self.engine.do(*words).split()]
        return found + ([f"folder {self.folder}"] if Path(self.folder).exists() else [])

    def predict(self, **changes: object) -> httpx.Response:
        """POST the example trip, with ``changes``."""
        return self.post("/v1/trip/predict", {**EXAMPLE, **changes})

    def post(self, path: str, body: object) -> httpx.Response:
        """POST a JSON body."""
        return httpx.post(self.url + path, json=body, timeout=ANSWER_TIMEOUT_S)

    def get(self, path: str) -> httpx.Response:
        """GET a page."""
        return httpx.get(self.url + path, timeout=ANSWER_TIMEOUT_S)


def run_group(command: Sequence[str], *, env: Mapping[str, str], timeout_s: float) -> tuple[int, str]:
    """Run a command at the root of the repository; return its exit code and all that it printed.

    Whatever ends the wait, Ctrl-C among it, ends the command with all that it has started.
    """
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output


def _number(container: dict[str, Any]) -> int:
    return int(container["Config"]["Labels"]["com.docker.compose.container-number"])


def create_project(folder: Path, engine: Engine, *, tag: str, redis_image: str = "") -> Project:
    """Copy the compose files into ``folder``; nothing runs yet."""
    copied = folder / "compose"
    shutil.copytree(COMPOSE_DIR, copied, ignore=shutil.ignore_patterns(".env"))
    environment = {**engine.environment, **({"REDIS_IMAGE": redis_image} if redis_image else {})}
    name = f"tripcast-e2e-{secrets.token_hex(4)}"
    return Project(
        name=name, port=free_port(), folder=str(copied), tag=tag, docker=engine.docker, environment=environment
    )
