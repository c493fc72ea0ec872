"""``make bench``: the system against what a user would do instead, or against another revision of itself."""

import signal
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.cache import CACHE
from bench.chart import write_chart
from bench.comparison import compare
from bench.lineup import CONTENDERS
from bench.models import MODELS
from bench.record import PUBLISHED, Record
from bench.rendering import origin, show, write_page
from bench.run import QUICK, Plan, Run
from bench.tables import tables
from bench.targets import judge
from bench.wrk import require_wrk

TABLE_WIDTH = 160


def main(  # noqa: PLR0917 (typer calls it, by name)
    contenders: Annotated[str | None, typer.Option(help=f"Some of {', '.join(CONTENDERS)}.")] = None,
    models: Annotated[str | None, typer.Option(help=f"Some of {', '.join(MODELS)}.")] = None,
    connections: Annotated[str | None, typer.Option(help="Numbers of connections, separated by commas.")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="How often each contender is measured.")] = None,
    seconds: Annotated[int | None, typer.Option(min=1, help="Of one reading.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One short round of each: to try the benchmark itself.")
    ] = False,
    dial: Annotated[bool, typer.Option(help="Sweep the cost of a model to find the crossover.")] = True,
    chunks: Annotated[bool, typer.Option(help="Measure the batch endpoint and bulk scoring.")] = True,
    base: Annotated[str | None, typer.Option(help="A git revision to compare the working tree with, instead.")] = None,
    output: Annotated[Path | None, typer.Option(help="File for the JSON.")] = None,
    write_docs: Annotated[
        bool, typer.Option("--write-docs", help=f"Measure nothing; put the figures of {PUBLISHED.name} into the docs.")
    ] = False,
) -> None:
    """Measure, print tables, write JSON; the exit status is 0 whatever the figures are."""
    if write_docs:
        record = Record.read(PUBLISHED)
        write_page(record)
        write_chart(record)
        return
    require_wrk()
    # As Ctrl-C does: what was started is then ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = _plan(
        QUICK if quick else Plan(),
        contenders=_names(contenders, CONTENDERS),
        models=_names(models, MODELS),
        connections=tuple(int(count) for count in connections.split(",")) if connections else None,
        rounds=rounds,
        seconds=seconds,
        dial_per_call_us=None if dial else (),
        bulk_rows=None if chunks else 0,
    )
    console = Console(width=TABLE_WIDTH)
    if base is not None:
        compare(base, plan, console=console)
        return
    record = Run(plan=plan, say=lambda line: console.print(line, highlight=False, markup=False)).measure()
    _report(record, output or (PUBLISHED if plan == Plan() else CACHE / "latest.json"), console)


def _plan(default: Plan, **wishes: Any) -> Plan:  # noqa: ANN401 (fields of a plan)
    """Return the default with all wishes that were uttered."""
    return replace(default, **{name: wish for name, wish in wishes.items() if wish is not None})


def _names(wish: str | None, known: Iterable[str]) -> tuple[str, ...] | None:
    """Split names at commas."""
    if wish is None:
        return None
    names = tuple(wish.split(","))
    if unknown := set(names) - set(known):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}; known are {', '.join(known)}")
    return names


def _report(record: Record, output: Path, console: Console) -> None:
    """Store a run and show it."""
    found = tables(record)
    verdicts = [asdict(verdict) | {"reached": verdict.reached} for verdict in judge(record)]
    record.write(output, targets=verdicts, tables=[asdict(table) for table in found])
    show(found, console)
    for line in (*(f"Not measured: {reason}" for reason in record.skipped), origin(record.provenance)):
        console.print(line, highlight=False, markup=False)
    console.print(f"JSON: {output}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
