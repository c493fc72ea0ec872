"""The compose project: what it promises of every container, in every variant."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from config import ROOT
from tests.boot.docker.tools import COMPOSE_DIR, tool

VARIANTS = ("", "cpu", "gpu", "dev")
PASSWORD = "made-up-here"  # noqa: S105 (of nothing)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the project without the ``.env`` of whoever runs this."""
    names = [path for path in COMPOSE_DIR.iterdir() if path.name != ".env"]
    for path in names:
        shutil.copy(path, tmp_path)
    return tmp_path


def compose(folder: Path, *, variant: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Have compose read, merge and check the files."""
    files = [folder / "docker-compose.yml", *([folder / f"docker-compose.{variant}.yml"] if variant else [])]
    arguments = [word for file in files for word in ("--file", str(file))]
    return subprocess.run(
        [tool("docker-compose"), *arguments, "--profile", "*", "config", "--format", "json"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def services(folder: Path, variant: str = "") -> dict[str, dict[str, Any]]:
    done = compose(folder, variant=variant, REDIS_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_container_is_hardened(folder: Path, variant: str) -> None:
    for name, service in services(folder, variant).items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["user"].startswith(("0", "root")), name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_container_is_asked_what_it_is_there_for(folder: Path, variant: str) -> None:
    for name, service in services(folder, variant).items():
        question = service["healthcheck"]["test"]
        assert name == "redis" or question == ["CMD", "python", "-m", "boot.probe", name]


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_web_can_be_reached_from_outside(folder: Path, variant: str) -> None:
    found = services(folder, variant)
    assert [name for name, service in found.items() if service.get("ports")] == ["web"]
    assert {name for name, service in found.items() if "front" in service["networks"]} == {"web"}
    assert set(found["redis"]["networks"]) == set(found["worker"]["networks"]) == {"inside"}


def test_the_inner_network_has_no_way_out(folder: Path) -> None:
    done = compose(folder, REDIS_PASSWORD=PASSWORD)
    assert json.loads(done.stdout)["networks"]["inside"]["internal"] is True


def test_without_a_password_nothing_starts(folder: Path) -> None:
    done = compose(folder)
    assert done.returncode != 0
    assert "REDIS_PASSWORD" in done.stderr


def test_the_password_is_in_no_command(folder: Path) -> None:
    for name, service in services(folder).items():
        assert PASSWORD not in json.dumps([service.get("command"), service.get("healthcheck")]), name


def test_only_web_is_given_the_key_of_the_management(folder: Path) -> None:
    done = compose(folder, REDIS_PASSWORD=PASSWORD, ADMIN_API_KEY="of-the-admin")
    found = json.loads(done.stdout)["services"]
    assert {name for name, service in found.items() if service["environment"].get("ADMIN_API_KEY")} == {"web"}


def test_whoever_changes_a_route_can_write_it(folder: Path) -> None:
    writing = {
        name
        for name, service in services(folder).items()
        if any(volume["target"] == "/models" for volume in service.get("volumes", ()))
    }
    assert {"web", "worker", "pipeline", "recorder"} <= writing


def test_whoever_uses_the_database_reaches_one_that_is_elsewhere(folder: Path) -> None:
    """`DATABASE_URL` may name any; the guard stops no canary whose history it cannot write."""
    found = services(folder)
    outside = {name for name, service in found.items() if set(service["networks"]) - {"inside"}}
    assert outside == {"web", "pipeline", "recorder"}


def test_web_waits_for_worker_and_worker_for_redis(folder: Path) -> None:
    found = services(folder)
    assert found["web"]["depends_on"]["worker"]["condition"] == "service_healthy"
    assert found["worker"]["depends_on"]["redis"]["condition"] == "service_healthy"


def test_web_is_not_given_up_while_the_only_worker_is_replaced(folder: Path) -> None:
    """What compose waits for may be unready for a while, but never unhealthy."""
    found = services(folder)
    patience_s = found["web"]["healthcheck"]["retries"] * float(found["web"]["healthcheck"]["interval"].rstrip("s"))
    start_s = 15
    assert patience_s >= float(found["worker"]["stop_grace_period"].rstrip("s")) + start_s


def test_the_gpu_is_reserved_in_its_own_variant_alone(folder: Path) -> None:
    reserved = {
        variant: "reservations" in services(folder, variant)["worker"]["deploy"]["resources"] for variant in VARIANTS
    }
    assert reserved == {"": False, "cpu": False, "gpu": True, "dev": False}


def test_the_gpu_that_is_used_can_be_chosen(folder: Path) -> None:
    """`count: 1` is the first one, always: another that CUDA_VISIBLE_DEVICES names would not be there."""
    (folder / ".env").write_text("CUDA_VISIBLE_DEVICES=1\n")
    worker = services(folder, "gpu")["worker"]
    assert worker["deploy"]["resources"]["reservations"]["devices"][0]["count"] == -1
    assert worker["environment"]["CUDA_VISIBLE_DEVICES"] == "1"


def test_who_waits_for_containers_that_do_not_start_is_told_what_they_said(folder: Path) -> None:
    (folder / ".env").touch()
    compose = folder / "compose.sh"
    compose.write_text(
        '#!/bin/sh\ncase "$*" in *" up "*) exit 9;; *logs*) echo "HTTP_PORT: wrong";; *ps*) echo unhealthy;; esac\n'
    )
    compose.chmod(0o755)
    done = subprocess.run(
        [shutil.which("make") or "make", "up", f"COMPOSE_DIR={folder}", f"DOCKER_COMPOSE={compose}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "unhealthy\nThe last of what they said:\nHTTP_PORT: wrong\n" in done.stderr


def test_the_example_names_every_variable_of_the_project() -> None:
    named = {line.partition("=")[0] for line in (COMPOSE_DIR / ".env.example").read_text().splitlines() if "=" in line}
    text = (COMPOSE_DIR / "docker-compose.yml").read_text()
    used = {part.split("}")[0].split(":")[0] for part in text.replace("$$", "").split("${")[1:]}
    assert used - {"HEALTH_INTERVAL"} <= named
