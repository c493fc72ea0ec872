"""The whole of it, in order: engine, bases, images, containers, tests, faults, and down again."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.boot.docker.tools import PROJECT_FILE
from tests.chaos.load import TOLERANCE_MIN, Trip, sample_trips
from tests.containers.bases import Bases, base_images
from tests.containers.engine import Engine, EngineError, NoEngineError, any_engine, left_by, unique
from tests.containers.faults import FAULTS, Site, is_local
from tests.containers.host import Host
from tests.containers.images import VARIANTS, built_images
from tests.containers.interrupts import ignore_interrupts
from tests.containers.project import MakeError, Project, create_project, run_group
from tests.containers.report import Report
from tests.containers.siege import besiege
from tests.e2e.processes import wait_until

Say = Callable[[str], None]
TESTS = ("tests/boot/docker", "tests/e2e/test_containers.py")
TESTS_TIMEOUT_S = 900.0
READY_TIMEOUT_S = 120.0
KINDS = ("web", "worker", "pipeline")
QUICK_KINDS = ("web", "worker")
SAMPLE = 5000
TROUBLE = (MakeError, EngineError, AssertionError, subprocess.TimeoutExpired, httpx.HTTPError)
"""What ends the way through, and is told as a failure."""
DOWNLOAD = "python3 -m venv /tmp/v && /tmp/v/bin/python -m pip download --quiet --no-deps --dest /tmp/d six"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is wanted: a cut or all, the rate of the load in requests/s, and its seconds around each fault."""

    quick: bool
    rate: float
    calm_s: float

    @property
    def kinds(self) -> tuple[str, ...]:
        """The images that are built."""
        return QUICK_KINDS if self.quick else KINDS

    @property
    def up(self) -> tuple[str, ...]:
        """What `make up` is told: web brings worker and Redis along."""
        return ("ARGS=web",) if self.quick else ()


def run(plan: Plan, report: Report, folder: Path, *, say: Say) -> None:
    """Do everything, and fill in the report.

    Raises
    ------
    NoEngineError
        If there is no engine to do it with.
    """
    host = Host.now()
    with (
        any_engine(folder / "dockerd.log") as engine,
        prepared(engine, plan.kinds, report, folder, say=say) as project,
    ):
        try:
            _use(project, plan, report, folder, say=say)
        except TROUBLE as error:
            report.failures.append(f"{type(error).__name__}: {error}")
            report.notes.append(project.logs())
    if engine.own:
        report.leftovers += [*host.changes(), *left_by(engine)]
    report.failures += [f"left behind: {what}" for what in report.leftovers]


@contextmanager
def prepared(
    engine: Engine,
    kinds: tuple[str, ...],
    report: Report,
    folder: Path,
    *,
    say: Say,
    variants: tuple[str, ...] = VARIANTS,
) -> Iterator[Project]:
    """Build the images; return a project that is not up yet, and is down and gone afterwards."""
    report.engine = f"Docker {engine.version}, {'started here' if engine.own else 'that was running'}"
    report.seconds["start of the engine"] = engine.start_s
    say(f"{report.engine}. Getting the base images …")
    with _timed(report, "base images") as timer, base_images(engine, folder) as bases:
        timer.stop()
        report.bases = bases.origin
        _require_index(engine, bases)
        say(f"Base images: {bases.origin}. Building {', '.join(kinds)} …")
        project = create_project(folder, engine, tag=unique("e2e"), redis_image=bases.redis)
        with built_images(engine, project, bases, kinds=kinds, variants=variants) as built:
            report.built(built)
            try:
                yield project
            finally:
                ignore_interrupts()
                say("Taking everything down …")
                with _timed(report, "make down"):
                    project.down()
                report.leftovers += project.leftovers()


def _require_index(engine: Engine, bases: Bases) -> None:
    """Give up in time where a build could not download a single package."""
    done = engine.try_("run", "--rm", bases.python, "sh", "-c", DOWNLOAD, timeout_s=600)
    if done.returncode:
        raise NoEngineError(f"containers reach no package index: {done.stderr.strip()[-300:]}")


def _use(project: Project, plan: Plan, report: Report, folder: Path, *, say: Say) -> None:
    with _timed(report, "make up"):
        project.make("up", *plan.up)
    say(f"Up after {report.seconds['make up']:.1f} s. Running the tests …")
    with _timed(report, "tests"):
        _run_tests(project, plan, report, folder)
    trips, site = sample_trips(SAMPLE), Site(project=project, notes=report.notes)
    for fault in FAULTS:
        if plan.quick and not fault.quick:
            continue
        if fault.local and not is_local(project):
            report.notes.append(f"{fault.name}: left out, needs root on the machine of the engine")
            continue
        say(f"{fault.name} …")
        siege = asyncio.run(besiege(fault, site, trips, rate=plan.rate, calm_s=plan.calm_s))
        report.besieged(siege)
        if siege.surprises() or siege.failures():
            report.notes.append(f"{fault.name}: {_state_of_redis(project)}; load {os.getloadavg()[0]:.1f}")
    say("The worker without CUDA …")
    _other_variant(project, plan, report, trips)


def _state_of_redis(project: Project) -> str:
    """Return what tells whether Redis was held up by its disk."""
    command = 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli info persistence'
    shown = project.run_in("redis", "sh", "-c", command).stdout.splitlines()
    return ", ".join(line.strip() for line in shown if line.startswith(("aof_delayed_fsync", "aof_pending_bio_fsync")))


def _run_tests(project: Project, plan: Plan, report: Report, folder: Path) -> None:
    """Run the project's own tests of containers on what is up; with a project at hand none may be skipped."""
    file = folder / "project.json"
    project.write(file)
    env = {**project.env, PROJECT_FILE: str(file), "TAG": project.tag}
    left_out = ["-k", "not pipeline"] if "pipeline" not in plan.kinds else []
    command = [sys.executable, "-m", "tests.second_try", "-q", "--no-header", *left_out, *TESTS]
    code, output = run_group(command, env=env, timeout_s=TESTS_TIMEOUT_S)
    report.tests = output.strip().splitlines()[-1].strip("= ") if output.strip() else "said nothing"
    if code:
        report.failures.append(f"tests: {output[-6000:]}")
    elif (found := re.search(r"\d+ skipped", report.tests)) is not None:
        report.failures.append(f"tests: {found[0]}")


def _other_variant(project: Project, plan: Plan, report: Report, trips: list[Trip]) -> None:
    """Put the worker without CUDA in the place of the only other one, and ask it."""
    with _timed(report, "make up DEVICE=cpu"):
        project.make("up", "DEVICE=cpu", *plan.up)
        wait_until(lambda: project.get("/health/ready").status_code == 200, timeout_s=READY_TIMEOUT_S, what="ready")
    for trip in trips[:100]:
        answer = project.predict(PULocationID=trip.pickup, DOLocationID=trip.dropoff, trip_distance=trip.distance_miles)
        if answer.status_code != 200 or abs(answer.json()["duration"] - trip.expected_min) >= TOLERANCE_MIN:
            report.failures.append(f"the worker without CUDA: {trip} -> {answer.status_code} {answer.text}")
            return


class _Timer:
    """Notes how long a step took, once."""

    def __init__(self, report: Report, step: str) -> None:
        self._report, self._step, self._started = report, step, time.monotonic()

    def stop(self) -> None:
        """Note it, if it was not yet."""
        self._report.seconds.setdefault(self._step, time.monotonic() - self._started)


@contextmanager
def _timed(report: Report, step: str) -> Iterator[_Timer]:
    timer = _Timer(report, step)
    try:
        yield timer
    finally:
        timer.stop()
