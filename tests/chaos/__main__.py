"""``make chaos``: every scenario for minutes, and a report by class."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.chaos.run import Report, run_scenario
from tests.chaos.scenarios import SCENARIOS

COLUMNS = ("scenario", "s", "sent", "right", "errors", "wrong", "lost", "died", "refused", "longest s", "verdict")


def main(
    seconds: Annotated[float, typer.Option(help="How long each fault lasts at least.")] = 30.0,
    rate: Annotated[float, typer.Option(help="Requests a second.")] = 600.0,
    only: Annotated[str, typer.Option(help="Names of scenarios, separated by commas.")] = "",
    output: Annotated[Path | None, typer.Option(help="File for the report as JSON.")] = None,
) -> None:
    """Inject faults into real processes under load, and judge every answer."""
    wanted = [scenario for scenario in SCENARIOS if not only or scenario.name in only.split(",")]
    console, reports = Console(width=150), []
    for scenario in wanted:
        folder = Path(tempfile.mkdtemp(prefix=f"tripcast-{scenario.name}-"))
        console.print(f"{scenario.name}: logs in {folder}")
        report = asyncio.run(run_scenario(scenario, folder, rate=rate, seconds=seconds))
        reports.append(report)
        for line in (*report.failures(), *report.tally.examples):
            console.print("  " + line, markup=False)
    console.print(_table(reports))
    if output is not None:
        output.write_text(json.dumps([_record(report) for report in reports], indent=1))
    if any(report.failures() for report in reports):
        raise typer.Exit(1)


def _record(report: Report) -> dict[str, object]:
    tally = report.tally
    return {
        "scenario": report.scenario.name,
        "s": round(report.seconds, 1),
        "sent": tally.sent,
        "right": tally.right,
        "errors": {str(status): count for status, count in tally.errors.items()},
        "wrong": tally.wrong,
        "lost": tally.lost,
        "died": tally.died,
        "refused": tally.refused,
        "longest s": round(tally.longest_s, 2),
        "verdict": "; ".join(report.failures()) or "kept",
    }


def _table(reports: list[Report]) -> Table:
    table = Table(*COLUMNS)
    for report in reports:
        table.add_row(*(str(value) for value in _record(report).values()))
    total = [
        sum(getattr(r.tally, name) for r in reports) for name in ("sent", "right", "honest_errors", "wrong", "lost")
    ]
    table.add_row("all", "", *map(str, total))
    return table


if __name__ == "__main__":
    typer.run(main)
