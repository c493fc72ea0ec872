"""``predict``: a file of rows through the queue, and back as a file with a prediction a row."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from loguru import logger
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from apps.cli.errors import INTERRUPTED, IS_IT_RUNNING
from apps.cli.settings import command_settings
from config import Settings
from core.handlers.columns import column_rules
from core.handlers.table import Table
from core.handlers.tables import open_table
from core.managers.line_limits import LineLimits
from core.managers.queue_client import QueueClient
from core.managers.score_job import Plan, ScoreJob, digest_of
from core.managers.scorer import PART_ROWS, Scorer
from core.schemas.catalog import TRIP_DURATION, CatalogEntry, entry_of
from core.utilities.errors import DataError, NoWorkerError, TripcastError, UnknownVersionError
from core.utilities.heap import settle_heap
from core.utilities.urls import redact_url

CHUNK_ROWS = 8192
"""Larger chunks than those of batch requests: nobody waits for one, and each costs a worker 1.5 ms of its own."""
CHUNKS_PER_WORKER = 3
"""One is computed, one is on its way there, one is on its way back."""
NOTICE_S = 1.0
"""A system that is there is found sooner; who waits longer is told what for."""


def predict(
    *,
    input_path: Annotated[Path, typer.Option("--input", help="Rows: .parquet, .csv, .ndjson or .jsonl.")],
    output_path: Annotated[Path, typer.Option("--output", help="Where the rows go with their predictions.")],
    model: Annotated[str, typer.Option(help="The model.")] = TRIP_DURATION.model,
    model_version: Annotated[str, typer.Option(help="The version; default: the champion.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that is there already.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Throw away what an earlier run has scored.")] = False,
    patience_s: Annotated[float, typer.Option(help="Seconds that broker and workers may be away.", min=0.0)] = 60.0,
) -> None:
    """Predict every row of a file. A run that was stopped goes on where it was: run it again."""
    logger.remove()
    try:
        settings = command_settings()
        entry = entry_of(model)
        if output_path.exists() and not overwrite:
            raise DataError(f"{output_path} is there already; --overwrite replaces it")
        table = open_table(
            input_path, kind=output_path.suffix.lower(), rules=column_rules(entry.row), output=entry.output
        )
        job = ScoreJob(output_path)
        with job.held():
            line = asyncio.run(
                _run(
                    settings,
                    entry,
                    table,
                    job,
                    digest=digest_of(input_path),
                    version=model_version or settings.version_of(entry.model),
                    restart=restart,
                    patience_s=patience_s,
                )
            )
    except (TripcastError, OSError) as error:
        typer.echo(f"predict: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("predict: interrupted; the same command goes on from here", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(line)


async def _run(
    settings: Settings,
    entry: CatalogEntry,
    table: Table,
    job: ScoreJob,
    *,
    digest: str,
    version: str,
    restart: bool,
    patience_s: float,
) -> str:
    """Score the table and return the line that sums it up."""
    settle_heap()
    limits = LineLimits(
        max_chunk_rows=CHUNK_ROWS, max_chunks_per_worker=CHUNKS_PER_WORKER, max_waiting_chunk_rows=1_000_000_000
    )
    queue = QueueClient([entry], broker_url=settings.broker_url, backend_url=settings.result_backend_url, limits=limits)
    await queue.start()
    try:
        address = redact_url(settings.broker_url)
        version = await _version(queue, entry, wanted=version, patience_s=patience_s, address=address)
        plan = Plan(input=digest, rows=table.rows, part_rows=PART_ROWS, model=entry.model, version=version)
        job.begin(plan, restart=restart)
        with _progress() as progress:
            task = progress.add_task(job.output.name, total=table.rows)
            scorer = Scorer(
                queue,
                entry=entry,
                table=table,
                job=job,
                plan=plan,
                patience_s=patience_s,
                on_rows=lambda rows: progress.advance(task, rows),
            )
            await scorer.run(kind=job.output.suffix.lower())
        job.finish()
    finally:
        await queue.stop()
    failed = f", {scorer.failed_rows:,} of them failed (column error)" if scorer.failed_rows else ""
    return f"{job.output}: {table.rows:,} rows by {entry.model} {version}{failed}"


async def _version(queue: QueueClient, entry: CatalogEntry, *, wanted: str, patience_s: float, address: str) -> str:
    """Return the version that the workers hold: the one wanted, or their champion."""
    clock, told = asyncio.get_running_loop().time, False
    started = clock()
    while (missing := queue.missing(entry.model)) is not None:
        if clock() > started + patience_s:
            raise NoWorkerError(f"no {missing} within {patience_s:g} s at {address}; {IS_IT_RUNNING}")
        if not told and clock() > started + NOTICE_S:
            typer.echo(f"predict: no {missing} yet at {address}; waits {patience_s:g} s at most", err=True)
            told = True
        await asyncio.sleep(0.1)
    held = {version for worker in queue.workers.serving(entry.queue) for version in worker.models.get(entry.model, ())}
    if wanted and wanted not in held:
        raise UnknownVersionError(f"no worker holds {entry.model} {wanted}; they hold {', '.join(sorted(held))}")
    return wanted or queue.champion(entry.model)


class _Speed(ProgressColumn):
    """Rows a second, lately."""

    def render(self, task: Task) -> Text:
        """Return the text of the column."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} rows/s" if speed else "")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
