"""``make e2e-containers``: build the containers, run them, break them under load, and judge every answer."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.containers.engine import NoEngineError
from tests.containers.interrupts import take_one_interrupt
from tests.containers.project import MakeError
from tests.containers.report import Report
from tests.containers.run import Plan, run


def main(
    *,
    quick: Annotated[bool, typer.Option(help="Without the pipeline's image, and fewer faults.")] = False,
    required: Annotated[bool, typer.Option(help="Fail where no engine can be had, instead of saying so.")] = False,
    rate: Annotated[float, typer.Option(help="Requests a second.")] = 100.0,
    calm: Annotated[float, typer.Option(help="Seconds of load alone before and after each fault.")] = 3.0,
    output: Annotated[Path | None, typer.Option(help="File for the report as JSON.")] = None,
    tries: Annotated[
        int,
        typer.Option(min=1, help="So often all of it at most, while something fails but no answer is lost or wrong."),
    ] = 1,
) -> None:
    """Bring up what an operator deploys, on an engine of its own if none answers; leave nothing behind."""
    take_one_interrupt()
    console, plan = Console(width=170), Plan(quick=quick, rate=rate, calm_s=calm)
    for number in range(1, tries + 1):
        try:
            report = _run_once(plan, console, output)
        except NoEngineError as error:
            console.print(f"skipped: {error}", markup=False, soft_wrap=True)
            raise typer.Exit(1 if required or number > 1 else 0) from None
        if not report.failures:
            return
        if not report.deserves_another_try:
            break
        console.print(f"Try {number} of {tries} failed, which is a finding all the same.")
    raise typer.Exit(1)


def _run_once(plan: Plan, console: Console, output: Path | None) -> Report:
    """Do all of it; the report is printed and written whatever becomes of it, once there is an engine."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="tripcast-containers-") as folder:
        try:
            run(plan, report, Path(folder), say=console.print)
        except MakeError as error:
            report.failures.append(str(error))
        except KeyboardInterrupt:
            report.failures.append("interrupted")
            console.print("Interrupted; everything is down again.")
            raise
        finally:
            if report.engine:
                report.print(console)
            if output is not None:
                output.write_text(json.dumps(report.record(), indent=1) + "\n")
    return report


if __name__ == "__main__":
    typer.run(main)
