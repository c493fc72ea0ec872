"""The recipes of the images: each of its own list, by hash, for a user without rights."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config import ROOT
from core.schemas.catalog import CATALOG
from tests.boot.docker.tools import tool

KINDS = ("web", "worker", "pipeline")


def recipe(kind: str) -> Path:
    return ROOT / "boot" / "docker" / kind / "Dockerfile"


@pytest.mark.parametrize("kind", KINDS)
def test_hadolint_finds_nothing(kind: str) -> None:
    done = subprocess.run([tool("hadolint"), recipe(kind)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_installs_its_own_list_by_hash(kind: str) -> None:
    text = recipe(kind).read_text()
    default = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE)).get("LIST", "")
    lists = re.findall(r"requirements/\S+\.txt(?= )", text)
    assert [name.replace("${LIST}", default) for name in lists] == [f"requirements/{kind}.txt"]
    assert "--require-hashes --only-binary :all:" in text


@pytest.mark.parametrize("kind", [*KINDS, "worker-gpu"])
def test_every_package_of_a_list_has_a_hash(kind: str) -> None:
    text = (ROOT / "requirements" / f"{kind}.txt").read_text()
    pinned = re.findall(r"^[A-Za-z0-9].*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*", text, re.MULTILINE)
    assert pinned
    assert [entry for entry in pinned if "--hash=" not in entry] == []


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_as_a_user_that_is_not_root(kind: str) -> None:
    assert re.findall(r"^USER (.*)$", recipe(kind).read_text(), re.MULTILINE) == ["10001:10001"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_stage_is_built_on_an_image_that_can_be_chosen_and_has_a_tag(kind: str) -> None:
    text = recipe(kind).read_text()
    stages = re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - {*stages} == {"${BASE_IMAGE}"}
    [default] = re.findall(r"^ARG BASE_IMAGE=(\S+)$", text, re.MULTILINE)
    assert re.fullmatch(r"[a-z0-9./-]+:(?!latest)[\w.-]+", default)


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_can_be_read_whatever_the_umask_of_who_cloned(kind: str, tmp_path: Path) -> None:
    """`COPY` keeps the modes that files have outside, and the containers' user owns none of them."""
    [command] = re.findall(r"^RUN \S+ -m compileall .*(?:(?<=\\)\n.*)*", recipe(kind).read_text(), re.MULTILINE)
    code = tmp_path / "core" / "code.py"
    code.parent.mkdir(mode=0o700)
    code.touch(mode=0o600)
    steps = command.removeprefix("RUN ").replace("\\\n", " ").split("&&")
    subprocess.run(" && ".join(["true", *steps[1:]]), shell=True, check=True, cwd=tmp_path)  # noqa: S602 (our recipe)
    assert code.parent.stat().st_mode & 0o005 == 0o005
    assert code.stat().st_mode & 0o004


def test_the_worker_serves_the_queues_of_every_model() -> None:
    queues = ",".join(queue for entry in CATALOG for queue in (entry.queue, entry.quarantine_queue))
    assert f'"-Q", "{queues}"' in recipe("worker").read_text()


def test_the_context_leaves_secrets_out() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    # Whoever filled in the Secret's template where it lies must not find it in an image.
    assert {"**/.env", "boot/k8s/"} <= {*lines}


@pytest.mark.parametrize(
    ("device", "tag", "packages"),
    [("", "local", "worker"), ("cpu", "local-cpu", "worker"), ("gpu", "local-gpu", "worker-gpu")],
)
def test_only_the_image_for_gpus_is_built_with_their_library(device: str, tag: str, packages: str) -> None:
    done = subprocess.run(
        [shutil.which("make") or "make", "--dry-run", "images", f"DEVICE={device}", "TAG=local"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (build,) = [line for line in done.stdout.replace("\\\n", " ").splitlines() if "worker/Dockerfile" in line]
    assert build.split()[build.split().index("-t") + 1] == f"tripcast-worker:{tag}"
    assert f"LIST={packages}" in build.split()
    assert ("BASE_IMAGE=nvidia/cuda" in build) is (device != "cpu")
