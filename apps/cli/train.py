"""``train``, which is ``pipeline run``: from TLC months to a registered version, as a run of the pipeline."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from apps.cli.errors import one_line_errors
from apps.cli.figures import error_of, parts_of
from apps.cli.pipeline import carry_out, opened_runs
from apps.cli.rollout import FIRST, opened_rollout, reason
from apps.cli.settings import command_settings
from config import Settings
from core.managers.downloads import TLC_URL
from core.managers.version_files import read_manifest
from core.schemas.evaluation import Comparison, Evaluation
from core.schemas.limits import FamilyLimits
from core.schemas.manifest import Manifest
from core.schemas.run import Run, RunParameters
from core.schemas.version import VersionEvent, VersionState
from core.utilities.errors import DataError


def train(
    ctx: typer.Context,
    *,
    model: Annotated[str, typer.Option(help="Model of the catalog.")] = "trip_duration",
    design: Annotated[str | None, typer.Option(help="How it is built. [the model's first design]")] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Folder, or files, of the months; without it they are downloaded.")
    ] = None,
    train_month: Annotated[list[str] | None, typer.Option(help="Month to fit to; may be repeated. [2021-01]")] = None,
    test_month: Annotated[
        list[str] | None, typer.Option(help="Month to measure on; may be repeated. [the one after]")
    ] = None,
    taxi: Annotated[list[str] | None, typer.Option(help="green or yellow; may be repeated. [green]")] = None,
    until: Annotated[
        str | None, typer.Option(help="Step to end after: ingest, prepare or split. [the last one]")
    ] = None,
    validation_days: Annotated[int, typer.Option(help="Days at the end of training that are for validation.")] = 7,
    version: Annotated[str, typer.Option(help="Name of the version; default: the months and a hash.")] = "",
    champion: Annotated[bool, typer.Option("--champion", help="Let the new version answer from now on.")] = False,
    limits: Annotated[
        Path | None, typer.Option(help="YAML file of limits that win over those of the family.", dir_okay=False)
    ] = None,
    source: Annotated[str, typer.Option(help="Where the TLC's files are downloaded from.")] = TLC_URL,
) -> None:
    """Train a model on months of taxi trips and register it as a new version."""
    # They import scikit-learn and SQLAlchemy, which takes a second, and other commands live without them.
    from core.managers.limit_files import read_limits  # noqa: PLC0415
    from core.managers.run_creation import create_run  # noqa: PLC0415

    with one_line_errors(str(ctx.info_name)):
        settings = command_settings()
        months = train_month or ["2021-01"]
        asked = FamilyLimits() if limits is None else read_limits(limits)
        parameters = _parameters(
            model=model,
            design=design,
            taxis=taxi or ["green"],
            train_months=months,
            test_months=test_month or ([] if until else [next_month(max(months))]),
            until=until,
            validation_days=validation_days,
            version=version or None,
            data=[path.resolve() for path in data or ()],
            limits=asked.quality,
            gate=asked.gate,
        )
        with opened_runs(settings) as runs:
            run = create_run(runs, parameters, settings.models_dir)
            run = carry_out(runs, run.id, settings, url=source)
        report(run, settings)
        if run.version is not None:
            say = put_in_front if champion else way_to_callers
            typer.echo(say(run.parameters.model, run.version, settings))


def put_in_front(model: str, version: str, settings: Settings) -> str:
    """Approve a version that was trained, and let it answer; return what is so from then on.

    Where no Redis runs, the route is stored, and the next start follows it.
    """
    said = reason("", "train --champion")
    with opened_rollout(settings, alone=True) as rollout:
        if rollout.registry.get(model, version).state is VersionState.CANDIDATE:
            rollout.registry.change(model, version, VersionEvent.APPROVE, who=said.who, why=said.why)
        changed = rollout.desk.deploy(model, version, who=said.who, why=said.why)
    return f"{model}, revision {changed.revision}: version {version} answers"


def way_to_callers(model: str, version: str, settings: Settings) -> str:
    """Return how a version that was trained comes in front of callers; the same training again gives an old one."""
    with opened_rollout(settings, alone=True) as rollout:
        state = rollout.registry.get(model, version).state
    of = "" if model == FIRST else f" --model {model}"
    if state is VersionState.RETIRED:
        return f"this version is retired and cannot answer; python -m apps.cli models show {version}{of} tells why"
    approve = f"models approve {version}{of} --why …, then " if state is VersionState.CANDIDATE else ""
    return f"to let it answer: python -m apps.cli {approve}models canary or models deploy, or train with --champion"


def next_month(month: str) -> str:
    """Return the month after ``month``; what is no month comes back, for the parameters' own check."""
    year, _, number = month.partition("-")
    if not (year + number).isdigit():
        return month
    return f"{int(year) + int(number) // 12}-{int(number) % 12 + 1:02}"


def report(run: Run, settings: Settings) -> None:
    """Print the figures of the version that a run registered, or where it left what it prepared."""
    if run.version is None:
        last = run.steps[-1]
        folder = settings.data_dir / "steps" / last.step / last.input_sha256
        typer.echo(f"run {run.id}: ended after {last.step}, as asked; its output is in {folder}")
        return
    folder = settings.models_dir / run.parameters.model / str(run.version)
    manifest = read_manifest(folder)
    Console().print(_table(manifest, run.parameters))
    evaluation = Evaluation.model_validate(manifest.metrics["gate"])
    if evaluation.comparison is not None:
        typer.echo(_compared(evaluation.comparison))
    for warning in evaluation.verdict.warnings:
        typer.echo(f"unlike the champion: {warning}")
    typer.echo(f"run {run.id}: stored in {folder}")


def _parameters(**values: Any) -> RunParameters:  # noqa: ANN401 (what the command line gave)
    try:
        return RunParameters.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "months"
        told = "a month is written like 2021-01" if "month" in name and first["loc"] else first["msg"]
        raise DataError(f"{name}: {told.removeprefix('Value error, ')}") from None


def _table(manifest: Manifest, parameters: RunParameters) -> Table:
    error, _ = error_of(manifest.metrics["training"])
    table = Table(f"{' and '.join(parameters.taxis)} taxi", "rows", error, title=f"version {manifest.version}")
    for months, part in ((parameters.train_months, "training"), (parameters.test_months, "evaluation")):
        figures = manifest.metrics[part]
        apart = {f"  {name}": part for name, part in parts_of(figures).items()}
        for name, kind in {", ".join(months): figures, **apart}.items():
            if kind["rows"]:
                table.add_row(name, f"{kind['rows']:,}", f"{error_of(kind)[1]:.3f}")
    evaluation = Evaluation.model_validate(manifest.metrics["gate"])
    if evaluation.validation_rmse is not None:
        told = f"last {parameters.validation_days} days, fitted without them"
        table.add_row(told, "", f"{evaluation.validation_rmse:.3f}")
    return table


def _compared(comparison: Comparison) -> str:
    seen = " (which learnt from these trips)" if comparison.champion_saw_test_data else ""
    return (
        f"champion {comparison.champion}{seen} on the same test trips: {comparison.champion_rmse:.3f};"
        f" difference {comparison.difference:+.3f} ± {comparison.standard_error:.3f}"
    )
