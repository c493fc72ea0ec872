"""Many versions at once, and changes of who answers: ``make bench-rollout``, ``python -m bench.rollout``.

The system as ``make run`` starts it, on versions of the linear reference. Four figures: the throughput with three
versions routed of twenty against one alone; what becomes of requests while the route changes; how soon a rollback
is everywhere; what recording every prediction costs.
"""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.provenance import gather
from bench.rollout_parts import WAYS, measure_changes, measure_recording, measure_rollbacks, measure_throughput
from bench.wrk import require_wrk
from config import ROOT

OUTPUT = ROOT / "bench" / "results" / "rollout.json"
PARTS = ("throughput", "changes", "rollback", "recording")


def main(
    *,
    parts: Annotated[str, typer.Option(help=f"Some of {', '.join(PARTS)}.")] = ",".join(PARTS),
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of throughput and of recording.")] = 20,
    seconds: Annotated[int, typer.Option(min=1, help="Seconds of each reading.")] = 3,
    changes: Annotated[int, typer.Option(min=1, help="Changes of the route under load.")] = 200,
    pause: Annotated[float, typer.Option(min=0, help="Seconds before each change.")] = 0.3,
    rollbacks: Annotated[int, typer.Option(min=1, help="Rollbacks under load.")] = 20,
    ways: Annotated[str, typer.Option(help=f"Of rolling back, some of {', '.join(WAYS)}.")] = ",".join(WAYS),
    output: Annotated[Path, typer.Option(help="File for the JSON; parts that are not measured stay in it.")] = OUTPUT,
) -> None:
    """Print each figure as it is known, and store all of them."""
    require_wrk()
    provenance = gather().model_copy(update={"command": f"python -m bench.rollout {shlex.join(sys.argv[1:])}".strip()})
    for warning in provenance.warnings():
        typer.echo(f"Warning: {warning}")
    measurements: dict[str, Callable[[], dict[str, Any]]] = {
        "throughput": lambda: measure_throughput(rounds=rounds, seconds=seconds, say=typer.echo),
        "changes": lambda: measure_changes(changes=changes, pause_s=pause, say=typer.echo),
        "rollback": lambda: measure_rollbacks(count=rollbacks, say=typer.echo, only=ways.split(",")),
        "recording": lambda: measure_recording(rounds=rounds, seconds=seconds, say=typer.echo),
    }
    for part in parts.split(","):
        typer.echo(f"{part}:")
        found = measurements[part]()
        typer.echo(summary(part, found))
        store(output, part, {"provenance": provenance.model_dump(mode="json"), **found})


def summary(part: str, found: dict[str, Any]) -> str:
    """Return the figure of a part in one line."""
    match part:
        case "throughput" | "recording":
            ratio, cpu, names = found["ratio"], found["cpu_ratio"], list(found["points"])
            return (
                f"=> {names[1]} / {names[0]}: {ratio['middle']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f}),"
                f" {found['errors']} errors; CPU time a request {cpu['middle']:.3f} ({cpu['low']:.3f} to {cpu['high']:.3f})"
            )
        case "changes":
            return (
                f"=> {found['changes']} changes, {found['answers']:,} answers: {found['failed']} failed,"
                f" {found['stale']} from a version no longer routed, {found['untrue']} untrue"
            )
        case _:
            said = [
                f"{way} {times['last_old_s']['median']:.3f} s, at most {times['last_old_s']['max']:.3f} s"
                f" (processor time of the command {times['command_cpu_s']['median']:.3f} s)"
                for way, times in found.items()
            ]
            return f"=> until the last old answer: {'; '.join(said)}"


def store(output: Path, part: str, found: dict[str, Any]) -> None:
    """Put a part into the file, beside those that are there."""
    known = json.loads(output.read_text()) if output.is_file() else {}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({**known, part: found}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
