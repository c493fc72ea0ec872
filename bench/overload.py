"""An overload, and what becomes of the clients: ``make bench-overload``, ``python -m bench.overload``.

One worker, everything else as ``make run`` starts it. An open loop (``bench/open_loop.py``) offers multiples of the
capacity; each request may take a second. The capacity is what 256 connections get in a closed loop (wrk), or with
``--capacity open`` the largest rate of the open loop itself of which nothing is refused. The generator shares the
machine, so it costs capacity too.

Two models: 200 trees (``bench/trees.py``), which a worker predicts faster than a web process reads requests, and
one that takes so long for a row (``bench/dial.py``) that the worker is what is overloaded.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bench.contender import Running
from bench.dial import turn, write_dial
from bench.lineup import CONTENDERS
from bench.models import dialled, two_hundred_trees
from bench.overload_point import CAPACITIES, Point, measure, obeying_shares
from bench.provenance import gather
from bench.wrk import require_wrk

SLOW_ROW_US = 400.0
MODELS = ("trees", "slow")


def main(
    *,
    models: Annotated[str, typer.Option(help=f"Some of {', '.join(MODELS)}.")] = ",".join(MODELS),
    loads: Annotated[str, typer.Option(help="Multiples of the capacity.")] = "0.5,0.9,1.5,3",
    seconds: Annotated[float, typer.Option(min=1, help="Measured at each load, after a warm-up.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often each load is measured.")] = 1,
    capacity: Annotated[str, typer.Option(help=f"Of which loop: {' or '.join(CAPACITIES)}.")] = "closed",
    output: Annotated[Path | None, typer.Option(help="File for the JSON.")] = None,
) -> None:
    """Print a line for each load: first with few clients that obey their Retry-After, then with many."""
    require_wrk()
    if capacity not in CAPACITIES:
        raise typer.BadParameter(f"one of {', '.join(CAPACITIES)}", param_hint="--capacity")
    points: list[Point] = []
    for _ in range(rounds):
        for model in models.split(","):
            with serving(model) as system:
                multiples = [float(part) for part in loads.split(",")]
                points += measure_all(system, model, loads=multiples, seconds=seconds, loop=capacity)
    if output is not None:
        record = {"provenance": gather().model_dump(mode="json"), "points": [asdict(point) for point in points]}
        output.write_text(json.dumps(record, indent=1) + "\n")


@contextmanager
def serving(model: str) -> Iterator[Running]:
    """Start the system with one of the models."""
    with tempfile.TemporaryDirectory(prefix="bench-overload-") as folder:
        if model == "trees":
            served = two_hundred_trees()
        else:
            costs, pickle = write_dial(Path(folder))
            turn(costs, per_call_us=0.0, per_row_us=SLOW_ROW_US)
            served = dialled(pickle)
        with CONTENDERS["ours"].running(served) as system:
            yield system


def measure_all(system: Running, model: str, *, loads: list[float], seconds: float, loop: str) -> list[Point]:
    """Measure each load and print it; the capacity is measured again before each, for machines drift."""
    points = []
    typer.echo(HEADER)
    for multiple in loads:
        for obeying in obeying_shares(multiple):
            capacity = CAPACITIES[loop](system)
            points.append(
                measure(system, model, multiple=multiple, capacity=capacity, obeying=obeying, seconds=seconds)
            )
            typer.echo(line(points[-1]))
    return points


HEADER = (
    f"{'model':>6}{'capacity':>9}{'load':>5}{'obey':>6}{'offered':>9}{'goodput':>9}{'share':>7}{'p50':>7}{'p99':>7}{'max':>7}{'refused':>9}"
    f"{'p50':>7}{'p99':>7}{'504':>6}{'broken':>8}{'returned':>10}{'taken':>7}  Retry-After | cores"
)


def line(point: Point) -> str:
    """Return a point as a line of the table."""
    told = " ".join(f"{seconds}:{count}" for seconds, count in point.retry_after.items())
    cores = " ".join(f"{kind} {used:.2f}" for kind, used in point.cpu.items())
    return (
        f"{point.model:>6}{point.capacity:>9,.0f}{point.load:>5}{point.obeying:>6.0%}{point.offered:>9,.0f}{point.goodput:>9,.0f}{point.goodput_share:>7.0%}"
        f"{point.accepted_p50_ms:>7.0f}{point.accepted_p99_ms:>7.0f}{point.accepted_max_ms:>7.0f}"
        f"{point.refused_share:>9.0%}{point.refused_p50_ms:>7.0f}{point.refused_p99_ms:>7.0f}{point.late:>6}"
        f"{point.broken:>8}{point.returned:>10,}{point.returned_accepted:>7.1%}  {told} | {cores}"
    )


if __name__ == "__main__":
    typer.run(main)
