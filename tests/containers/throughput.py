"""Throughput by workers: ``make bench-containers``, ``python -m tests.containers.throughput``.

Two models in containers, at 1, 2 and 3 workers, with wrk in a closed loop; everything shares the cores of this machine,
wrk too. One model burns `ROW_US` of processor time for each row (``bench/dial.py``), so that workers are the
bottleneck; the other is the linear reference, which is as cheap as a model can be.
"""

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from bench.dial import turn, write_dial
from bench.models import Served, dialled, linear
from bench.provenance import gather
from bench.trips import KNOWN
from bench.wrk import LoadError, load, require_wrk
from config import ROOT
from tests.containers.engine import NoEngineError, any_engine
from tests.containers.interrupts import take_one_interrupt
from tests.containers.load_point import Point, cpu_seconds, points_table
from tests.containers.project import Project
from tests.containers.report import Report
from tests.containers.run import prepared

ROW_US = 2000.0
WARM_UP_S = 3
TOLERANCE_MIN = 1e-9
OVERRIDE = """\
services:
  worker:
    environment: {environment}
    volumes:
      - {{type: bind, source: {bench}, target: /app/bench, read_only: true}}
      - {{type: bind, source: {folder}, target: {folder}, read_only: true}}
"""


def main(
    *,
    workers: Annotated[str, typer.Option(help="Numbers of workers.")] = "1,2,3",
    seconds: Annotated[int, typer.Option(min=1, help="Measured at each number, after a warm-up.")] = 15,
    connections: Annotated[int, typer.Option(min=1, help="Requests under way at any time.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 1,
    output: Annotated[Path | None, typer.Option(help="File for the JSON.")] = None,
    show: Annotated[Path | None, typer.Option(help="Print the table of such a file, and measure nothing.")] = None,
) -> None:
    """Measure, and print a table."""
    if show is not None:
        points = [Point(**point) for point in json.loads(show.read_text())["points"]]
        typer.echo(points_table(points))
        return
    require_wrk()
    take_one_interrupt()
    provenance, console, report = gather(), Console(width=170), Report()
    numbers = tuple(int(number) for number in workers.split(",")) * rounds
    sweep = Sweep(workers=numbers, seconds=seconds, connections=connections)
    with tempfile.TemporaryDirectory(prefix="tripcast-containers-") as name:
        folder = Path(name)
        try:
            with (
                any_engine(folder / "dockerd.log") as engine,
                prepared(engine, ("web", "worker"), report, folder, say=console.print, variants=("",)) as project,
            ):
                points = [
                    point
                    for served in (_slow(folder / "dial"), linear())
                    for point in _measure(project, served, folder / "dial", sweep)
                ]
        except NoEngineError as error:
            typer.echo(f"skipped: {error}")
            return
    typer.echo(points_table(points))
    if output is not None:
        told = provenance.model_copy(update={"command": "make bench-containers"}).model_dump(mode="json")
        record = {"provenance": told, "engine": report.engine, "bases": report.bases, "row_us": ROW_US}
        output.write_text(json.dumps({**record, "points": [asdict(point) for point in points]}, indent=1) + "\n")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Numbers of workers, seconds at each, and requests under way at any time."""

    workers: tuple[int, ...]
    seconds: int
    connections: int


def _slow(folder: Path) -> Served:
    """Return the model that costs so much a row; the user of a container can read its files."""
    folder.mkdir()
    costs, pickle = write_dial(folder)
    turn(costs, per_call_us=0.0, per_row_us=ROW_US)
    folder.chmod(0o755)
    return dialled(pickle)


def _measure(project: Project, served: Served, folder: Path, sweep: Sweep) -> list[Point]:
    """Bring up the containers with a model whose files are in ``folder``, and measure each number of workers."""
    override = OVERRIDE.format(environment=json.dumps(served.settings), bench=ROOT / "bench", folder=folder)
    Path(project.folder, f"docker-compose.{served.name}.yml").write_text(override)
    project.make("up", f"DEVICE={served.name}", "ARGS=web")
    answer = project.predict(**{name: value for name, value in KNOWN.items() if name != "request_id"})
    if answer.status_code != httpx.codes.OK or abs(answer.json()["duration"] - served.expected_min) > TOLERANCE_MIN:
        raise LoadError(f"{served.name}: {answer.text} instead of {served.expected_min}")
    return [_point(project, served, workers, sweep) for workers in sweep.workers]


def _point(project: Project, served: Served, workers: int, sweep: Sweep) -> Point:
    project.make("scale", f"WORKERS={workers}", f"DEVICE={served.name}")
    load(project.url, connections=sweep.connections, seconds=WARM_UP_S)
    before = cpu_seconds(project)
    reading = load(project.url, connections=sweep.connections, seconds=sweep.seconds)
    used = {part: cpu - before[part] for part, cpu in cpu_seconds(project).items()}
    used["wrk"] = reading.generator_cpu_s
    point = Point(
        model=served.name,
        workers=workers,
        requests_per_s=round(reading.requests_per_s, 1),
        p50_ms=reading.p50_ms,
        p99_ms=reading.p99_ms,
        errors=reading.errors,
        cores={part: round(cpu / reading.seconds, 3) for part, cpu in used.items()},
    )
    typer.echo(str(point))
    return point


if __name__ == "__main__":
    typer.run(main)
