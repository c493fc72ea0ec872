"""``models replay`` and ``models diff``: what was recorded, predicted again."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.errors import one_line_errors
from apps.cli.settings import command_settings
from config import Settings
from core.managers.artifact_store import open_store
from core.schemas.catalog import CATALOG, entry_of
from core.schemas.period import parse_period
from core.schemas.record import NOT_RECORDED
from core.utilities.errors import DataError

if TYPE_CHECKING:
    from core.managers.replay import Replay, Replayed
    from core.schemas.comparison import Comparison

DIFFERENT, NOT_FOUND = 1, 2
SHOWN = 10
Model = Annotated[str, typer.Option(help="The model.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
# What reads records imports polars, what predicts imports scikit-learn: other commands do without.


def replay(
    request_id: Annotated[str | None, typer.Argument(help="The caller's id; without it, --last.")] = None,
    *,
    version: Annotated[str | None, typer.Option(help="Who predicts; default: the version that answered.")] = None,
    last: Annotated[int | None, typer.Option(help="So many of the newest rows instead.", min=1)] = None,
    model: Model = CATALOG[0].model,
    as_json: AsJson = False,
) -> None:
    """Predict what was recorded again, and tell whether it is the same bit by bit.

    Exit status: 0 all the same, 1 something differs, 2 nothing is recorded or the version is gone.
    """
    from core.managers.record_reader import RecordReader  # noqa: PLC0415

    with one_line_errors("replay"):
        if (request_id is None) == (last is None):
            raise DataError("a request id, or --last with a number")
        settings = command_settings()
        reader = RecordReader(settings.records_dir)
        records = reader.of_request(request_id) if request_id is not None else [reader.last(model, last or 0)]
        again = _replay_of(settings)
        found = [row for table in records for row in again.replay(table, version=version)]
    for reason, rows in again.gone.items():
        typer.echo(f"replay: {reason} ({rows:,} rows)", err=True)
    if not found and not again.gone:
        typer.echo(f"replay: no such prediction is recorded; {NOT_RECORDED}", err=True)
    if as_json:
        typer.echo(json.dumps([{**asdict(row), "equal": row.equal} for row in found]))
    else:
        for line in _told(found, each=request_id is not None):
            typer.echo(line)
    if not all(row.equal for row in found):
        raise typer.Exit(DIFFERENT)
    if not found or again.gone:
        raise typer.Exit(NOT_FOUND)


def diff(
    first: Annotated[str, typer.Argument(help="A version.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    *,
    period: Annotated[
        str | None,
        typer.Option("--on", help="Month or date, or from..to with times too, in UTC; dates are whole days."),
    ] = None,
    last: Annotated[int | None, typer.Option(help="So many of the newest records instead.", min=1)] = None,
    bound: Annotated[float, typer.Option(help="A larger difference is counted.", min=0.0)] = 1.0,
    model: Model = CATALOG[0].model,
    as_json: AsJson = False,
) -> None:
    """Compare two versions on recorded rows; what a version answered there is not predicted again."""
    from core.managers.comparison import Comparer  # noqa: PLC0415

    with one_line_errors("diff"):
        if (period is None) == (last is None):
            raise DataError("a period with --on, or --last with a number")
        if first == second:
            raise DataError("two different versions")
        settings, entry = command_settings(), entry_of(model)
        comparer = Comparer(
            records_dir=settings.records_dir,
            models_dir=settings.models_dir,
            allowed_classes=settings.model_allowed_classes,
            store=open_store(settings.artifact_store, endpoint_url=settings.s3_endpoint_url),
        )
        over = last or 0 if period is None else parse_period(period)
        told = comparer.compare(model, (first, second), over=over, bound=bound)
    if as_json:
        typer.echo(json.dumps(_as_json(told)))
        return
    _print_diff(told, output=entry.output)
    _print_worst(told)


def _replay_of(settings: Settings) -> "Replay":
    from core.managers.replay import Replay  # noqa: PLC0415

    return Replay(
        settings.models_dir,
        allowed_classes=settings.model_allowed_classes,
        store=open_store(settings.artifact_store, endpoint_url=settings.s3_endpoint_url),
    )


def _told(found: "list[Replayed]", *, each: bool) -> list[str]:
    """Return the lines on replayed rows: each, or those that differ and the sums."""
    different = [row for row in found if not row.equal]
    lines = [_line(row) for row in (found if each else different[:SHOWN])]
    if not each:
        for name in sorted({row.version for row in found}):
            ours = [row for row in found if row.version == name]
            equal = sum(row.equal for row in ours)
            lines.append(f"{name}: {len(ours):,} rows, {equal:,} bit-equal, {len(ours) - equal:,} different")
    return lines


def _line(row: "Replayed") -> str:
    given = row.recorded_error or repr(row.recorded)
    now = row.error or repr(row.prediction)
    verdict = "bit-equal" if row.equal else "different"
    where = f"{row.request_id}[{row.row}] at {row.time} ({row.role})"
    if row.version == row.recorded_version:
        return f"{where}: {row.version} answered {given}, and again {now}: {verdict}"
    return f"{where}: {row.recorded_version} answered {given}, {row.version} {now}: {verdict}"


def _as_json(told: "Comparison") -> dict[str, object]:
    """Return a comparison with the predictions of its worst rows by version."""
    content = told.model_dump(mode="json")
    for row in content["worst"]:
        row.update(zip(told.versions, row.pop("predictions"), strict=True))
    return content


def _print_diff(told: "Comparison", *, output: str) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    (first, second), recorded = told.versions, told.recorded
    typer.echo(f"{told.rows:,} rows; recorded answers used: {recorded[0]:,} of {first}, {recorded[1]:,} of {second}")
    if any(told.failed):
        typer.echo(f"without a prediction: {told.failed[0]:,} of {first}, {told.failed[1]:,} of {second}")
    if told.mean_abs is None or told.share_beyond is None:
        return
    typer.echo(
        f"absolute difference: mean {told.mean_abs:.4g}, median {told.median_abs:.4g}, 95 % up to {told.p95_abs:.4g},"
        f" most {told.max_abs:.4g}; beyond {told.bound:g}: {100 * told.share_beyond:.2f} % of the rows"
    )
    table = Table(f"{output}, quantile", first, second)
    for level, (ours, theirs) in told.quantiles.items():
        table.add_row(level, f"{ours:.4g}", f"{theirs:.4g}")
    Console().print(table)


def _print_worst(told: "Comparison") -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    if not told.worst:
        return
    table = Table(title="the rows that differ most")
    for name in ("request", "features", *told.versions):
        table.add_column(name, overflow="fold")
    for row in told.worst:
        features = ", ".join(f"{name}={value}" for name, value in row.features.items() if value is not None)
        table.add_row(f"{row.request_id}[{row.row}]", features, *(f"{value:.4g}" for value in row.predictions))
    Console().print(table)
