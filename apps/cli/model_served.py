"""``models served``: files of what was predicted, to train on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from apps.cli.errors import one_line_errors
from apps.cli.settings import command_settings
from core.schemas.catalog import TRIP_DURATION
from core.schemas.period import parse_period
from core.schemas.record import NOT_RECORDED
from core.utilities.errors import DataError

_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def served(
    *,
    labels: Annotated[Path, typer.Option(help="Parquet or CSV: transaction_id or request_id, row, and the minutes.")],
    output: Annotated[Path, typer.Option(help="Folder for a file a month, such as `train --data` reads.")],
    label: Annotated[str, typer.Option(help="Column of the minutes.")] = "duration_min",
    period: Annotated[
        str | None, typer.Option("--on", help="Predicted when: a month, a date, or from..to in UTC. [whenever]")
    ] = None,
    request_time: Annotated[
        bool,
        typer.Option("--request-time", help="Where no pickup time was sent, take the time of the request."),
    ] = False,
) -> None:
    """Write the trips that were predicted, with what they took, as raw files for the pipeline."""
    # Polars takes a while to import, and other commands live without it.
    from core.handlers.served_trips import read_labels, served_months  # noqa: PLC0415
    from core.managers.record_reader import RecordReader  # noqa: PLC0415
    from core.managers.recorded_answers import rows_of  # noqa: PLC0415

    with one_line_errors("served"):
        known = read_labels(labels, label=label)
        reader = RecordReader(command_settings().records_dir)
        records = reader.between(TRIP_DURATION.model, *(parse_period(period) if period else _ALWAYS))
        if records.is_empty():
            raise DataError(f"no prediction of {TRIP_DURATION.model} is recorded there; {NOT_RECORDED}")
        rows = rows_of(records)
        months = served_months(rows, known, request_time=request_time)
        if not months:
            raise DataError("none of the recorded trips has a label and a time")
        files = {output / f"green_tripdata_{month}.parquet": trips for month, trips in months.items()}
        there = [path.name for path in files if path.exists()]
        if there:
            raise DataError(f"{there[0]} is there already")
        try:
            output.mkdir(parents=True, exist_ok=True)
            for path, trips in files.items():
                trips.write_parquet(path)
        except OSError as error:
            raise DataError(f"{output} cannot be written ({error.strerror})") from error
    for path, trips in files.items():
        typer.echo(f"{path}: {len(trips):,} trips")
    typer.echo(f"{sum(map(len, files.values())):,} of {len(rows):,} recorded trips have a label and a time")
