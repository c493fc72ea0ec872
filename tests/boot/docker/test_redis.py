"""Redis of the compose project: its command, run with a real server in the image's place."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import redis
import yaml

from boot.local.broker import find_server
from config import ROOT
from tests.boot.docker.tools import COMPOSE_DIR
from tests.e2e.processes import free_port, running, wait_until

PASSWORD = "Made-up_here.1~"  # noqa: S105 (of nothing)


def command(data: str = "/data", **variables: str) -> list[str]:
    """Return what the container runs, with its data in another folder, and with compose's variables."""
    services = yaml.safe_load((COMPOSE_DIR / "docker-compose.yml").read_text())["services"]
    words = (word.replace("dir /data", f"dir {data}") for word in services["redis"]["command"])
    filled = (re.sub(r"\$\{(\w+):-(\w*)\}", lambda found: variables.get(found[1], found[2]), word) for word in words)
    return [word.replace("$$", "$") for word in filled]


def environment(folder: Path, *, password: str, options: str = "") -> dict[str, str]:
    """Return what the command needs; a real server stands for the image's, with ``options`` after the command's own."""
    program = folder / "redis-server"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(find_server()))} "$@" {options}\n')
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "REDIS_PASSWORD": password}


def test_it_runs_as_told_and_for_who_has_the_password_alone(tmp_path: Path) -> None:
    port = free_port()
    env = environment(tmp_path, password=PASSWORD, options=f"--port {port} --bind 127.0.0.1")
    with (
        running(*command(str(tmp_path), REDIS_MAXMEMORY="96mb"), log=tmp_path / "log", env=env),
        redis.Redis(port=port, password=PASSWORD) as client,
    ):
        wait_until(lambda: _answers(client), what="Redis answers")
        told = client.config_get("*")
        assert (told["appendonly"], told["appendfsync"], told["save"]) == ("yes", "everysec", "")
        assert (told["maxmemory"], told["maxmemory-policy"]) == (str(96 * 1024**2), "noeviction")
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


@pytest.mark.parametrize(
    "password", ["with@sign", "with/slash", "with#hash", 'with"quote', "with space", "with%percent"]
)
def test_a_password_that_would_not_fit_into_a_url_is_refused_in_a_line(tmp_path: Path, password: str) -> None:
    env = environment(tmp_path, password=password, options="--version")
    done = subprocess.run(command(), env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "letters and digits alone" in done.stderr
    assert password not in done.stderr


def test_it_is_set_as_that_of_the_cluster() -> None:
    cluster = (ROOT / "boot" / "k8s" / "base" / "redis.conf").read_text().splitlines()
    wanted = [line for line in cluster if not line.startswith("#")]
    script = command()[-1].splitlines()
    ours = script[script.index('requirepass "$REDIS_PASSWORD"') + 1 : script.index("END")]
    assert [line for line in ours if not line.startswith("#")] == wanted


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
