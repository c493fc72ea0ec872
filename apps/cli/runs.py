"""``pipeline``: start runs of the pipeline, look at them, and act on them."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from apps.cli.errors import one_line_errors
from apps.cli.figures import error_of, parts_of
from apps.cli.pipeline import carry_out, opened_runs, write_text
from apps.cli.settings import command_settings
from apps.cli.train import report, train
from config import Settings
from core.managers.downloads import TLC_URL
from core.managers.version_files import read_manifest
from core.schemas.run import Run
from core.services.run_comparison import differing_parameters, differing_steps
from core.utilities.errors import ArtifactError

RunId = Annotated[str, typer.Argument(help="Id of a run.")]
WIDE = 132
"""Columns of a terminal in which the whole list has room; a narrower one has neither months nor times of day."""
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]

pipeline = typer.Typer(help="Runs of the training pipeline.", no_args_is_help=True, add_completion=False)
pipeline.command("run")(train)


@pipeline.command("list")
def list_runs(
    *, limit: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 20, as_json: AsJson = False
) -> None:
    """List the newest runs."""
    with one_line_errors("list"), opened_runs() as known:
        found = known.newest(limit)
    if as_json:
        typer.echo(json.dumps([run.model_dump(mode="json") for run in found]))
        return
    console = Console()
    wide = console.width >= WIDE
    # What is no_wrap keeps its width; the others are folded.
    table = Table(Column("run", no_wrap=True), "state", Column("created (UTC)" if wide else "created", no_wrap=True))
    for name in ("trained on", "tested on") if wide else ():
        table.add_column(name)
    table.add_column("version", overflow="fold")
    for run in found:
        months = (", ".join(run.parameters.train_months), ", ".join(run.parameters.test_months)) if wide else ()
        outcome = run.version or (f"(until {run.parameters.until})" if run.parameters.until else "")
        created = f"{run.created_at:%Y-%m-%d %H:%M:%S}" if wide else f"{run.created_at:%Y-%m-%d}"
        table.add_row(run.id, _state(run), created, *months, outcome)
    console.print(table)


@pipeline.command()
def show(run_id: RunId, *, as_json: AsJson = False) -> None:
    """Show a run: its state, its steps with their hashes, and why it failed."""
    with one_line_errors("show"), opened_runs() as known:
        run = known.get(run_id)
    if as_json:
        typer.echo(run.model_dump_json(indent=2))
        return
    table = Table("step", "try", "took", "input", "output", title=f"run {run.id}")
    for step in run.steps:
        took = f"{(step.finished_at - step.started_at).total_seconds():.1f} s" if step.finished_at else "not ended"
        output = (step.output_sha256 or "")[:12]
        table.add_row(
            step.step, str(step.attempt), "there already" if step.reused else took, step.input_sha256[:12], output
        )
    Console().print(table)
    for name, value in (
        ("state", _state(run)),
        ("failed", run.error),
        ("until", run.parameters.until),
        ("version", run.version),
        ("champion", run.parameters.champion),
    ):
        if value is not None:
            typer.echo(f"{name}: {value}")


@pipeline.command()
def resume(
    run_id: RunId, *, source: Annotated[str, typer.Option(help="Where files are downloaded from.")] = TLC_URL
) -> None:
    """Go on with a run that failed, or whose process is gone, at the step where it broke off."""
    with one_line_errors("resume"):
        settings = command_settings()
        with opened_runs(settings) as known:
            run = carry_out(known, run_id, settings, url=source)
        report(run, settings)


@pipeline.command()
def cancel(run_id: RunId) -> None:
    """Cancel a run; one that runs stops before its next step."""
    with one_line_errors("cancel"), opened_runs() as known:
        typer.echo(f"run {known.cancel(run_id).id}: cancelled")


@pipeline.command()
def watched() -> None:
    """List the files of the watched place: taken in, refused and why, or still growing."""
    from core.managers.watched_files import WatchedFiles  # noqa: PLC0415 (it imports SQLAlchemy)

    with one_line_errors("watched"), opened_runs() as known:
        files = WatchedFiles(known.engine).known()
    table = Table("file", "since (UTC)", "what became of it")
    for file in files:
        outcome = file.error or (f"taken in as {file.sha256[:12]}" if file.sha256 else "waits until it stays the same")
        table.add_row(file.path, f"{file.since:%Y-%m-%d %H:%M:%S}", outcome)
    Console().print(table)


@pipeline.command()
def graph(
    *, output: Annotated[Path | None, typer.Option(help="File to write; without it the drawing is printed.")] = None
) -> None:
    """Draw the steps of the pipeline and what each reads, as SVG."""
    from core.managers.pipeline_graph import graph_steps  # noqa: PLC0415 (the pipeline's libraries take two seconds)
    from core.services.graph_drawing import draw  # noqa: PLC0415

    drawing = draw(graph_steps(), title="The steps of the training pipeline")
    if output is None:
        typer.echo(drawing, nl=False)
        return
    with one_line_errors("graph"):
        write_text(output, drawing)


@pipeline.command()
def compare(first: RunId, second: RunId) -> None:
    """Compare two runs: errors of their versions, parameters that differ, steps whose output differs."""
    with one_line_errors("compare"):
        settings = command_settings()
        with opened_runs(settings) as known:
            ours, theirs = known.get(first), known.get(second)
        table = Table("", ours.id, theirs.id)
        table.add_row("version", ours.version or _state(ours), theirs.version or _state(theirs))
        figures = [_figures(run, settings) for run in (ours, theirs)]
        for name in {**figures[0], **figures[1]}:
            table.add_row(name, *(found.get(name, "-") for found in figures))
    for difference in (*differing_parameters(ours, theirs), *differing_steps(ours, theirs)):
        table.add_row(difference.what, difference.first, difference.second)
    Console().print(table)


def _state(run: Run) -> str:
    return run.state.value if run.step is None else f"{run.state.value} ({run.step})"


def _figures(run: Run, settings: Settings) -> dict[str, str]:
    """Return the errors of a run's version, as text; none if it registered none, or that was removed."""
    try:
        metrics = read_manifest(settings.models_dir / run.parameters.model / str(run.version)).metrics
    except ArtifactError:
        return {}
    error, _ = error_of(metrics["evaluation"])
    apart = {f"  {name}": part for name, part in parts_of(metrics["evaluation"]).items()}
    parts = {f"test {error}": metrics["evaluation"], **apart, f"training {error}": metrics["training"]}
    return {name: f"{error_of(figures)[1]:.3f}" for name, figures in parts.items() if figures["rows"]}
