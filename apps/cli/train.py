"""``train``: from TLC months to a stored version."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from config import ROOT, load_settings
from core.handlers.base import TrainedModel
from core.handlers.tlc import check_parquet
from core.managers.downloads import TLC_URL, fetch, green_trips_file
from core.schemas.catalog import TRIP_DURATION
from core.utilities.errors import DataError, DownloadError, TripcastError

RAW_DIR = ROOT / "repo" / "data" / "raw"
TIMEOUT_S = 20.0


def train(
    *,
    data: Annotated[
        list[Path] | None, typer.Option(help="Folder, or files, of the months; without it they are downloaded.")
    ] = None,
    train_month: Annotated[str, typer.Option(help="Month to fit to.")] = "2021-01",
    test_month: Annotated[str, typer.Option(help="Month to measure on; default: the next one.")] = "",
    version: Annotated[str, typer.Option(help="Name of the version; default: the month and a hash.")] = "",
    champion: Annotated[bool, typer.Option("--champion", help="Let the new version answer from now on.")] = False,
    source: Annotated[str, typer.Option(help="Where the TLC's files are downloaded from.")] = TLC_URL,
    raw_dir: Annotated[Path, typer.Option(help="Where downloaded files are kept.")] = RAW_DIR,
) -> None:
    """Train the trip-duration model on a month of green-taxi trips and store it as a new version."""
    # They import scikit-learn, which takes a second, and every other command lives without it.
    from core.managers.artifacts import load_handler  # noqa: PLC0415
    from core.managers.versions import set_champion, store_version  # noqa: PLC0415

    console = Console()
    try:
        models_dir = load_settings().models_dir
        months = (_month(train_month), _month(test_month) if test_month else _next(_month(train_month)))
        files = _given(data, months) if data else _downloaded(months, source=source, folder=raw_dir, console=console)
        trained = load_handler(TRIP_DURATION).train(training=files[:1], evaluation=files[1:], label=train_month)
        folder = store_version(models_dir, trained, entry=TRIP_DURATION, version=version or None)
        if champion:
            set_champion(models_dir, TRIP_DURATION.model, folder.name)
    except TripcastError as error:
        # Not through rich: it would break the one line to the terminal's width.
        typer.echo(f"train: {error}", err=True)
        raise typer.Exit(1) from None
    _report(console, trained, months, folder, champion=champion)


def _month(text: str) -> str:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise DataError(f"a month is written like 2021-01, not {text!r}")
    return text


def _next(month: str) -> str:
    """Return the month after ``month``."""
    year, number = map(int, month.split("-"))
    return f"{year + number // 12}-{number % 12 + 1:02}"


def _given(data: Sequence[Path], months: Sequence[str]) -> list[Path]:
    """Find the file of each month among the files and folders given."""
    files = [file for path in data for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    found = []
    for month in months:
        name = green_trips_file(month)
        matching = [file for file in files if file.name == name and file.is_file()]
        if not matching:
            raise DataError(f"no {name} in {', '.join(map(str, data))}")
        found.append(matching[0])
    return found


def _downloaded(months: Sequence[str], *, source: str, folder: Path, console: Console) -> list[Path]:
    """Return the file of each month, downloaded if it is not in ``folder`` yet."""
    files = []
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        httpx.Client(timeout=TIMEOUT_S, follow_redirects=True) as client,
        Progress(*columns, console=console, transient=True) as bar,
    ):
        for name in map(green_trips_file, months):
            task = bar.add_task(name, total=None)

            def show(here: int, whole: int, task: object = task) -> None:
                bar.update(task, completed=here, total=whole)  # type: ignore[arg-type] # rich's TaskID is an int

            try:
                files.append(fetch(client, f"{source}/{name}", folder / name, check=check_parquet, progress=show))
            except DownloadError as error:
                raise DownloadError(f"{error}. With the files at hand: make train DATA=<folder>") from error
    return files


def _report(console: Console, trained: TrainedModel, months: Sequence[str], folder: Path, *, champion: bool) -> None:
    """Print the figures that the manifest holds, and what to do next."""
    table = Table("green taxi", "trips", "RMSE (minutes)", title=f"version {folder.name}")
    for month, part in zip(months, ("training", "evaluation"), strict=True):
        figures = trained.metrics[part]
        for name, kind in ((month, figures), *((f"  {k} pairs", figures[f"{k}_pairs"]) for k in ("seen", "unseen"))):
            if kind["rows"]:
                table.add_row(name, f"{kind['rows']:,}", f"{kind['rmse_min']:.3f}")
    console.print(table)
    typer.echo(f"stored in {folder}")
    if not champion:
        typer.echo(f"to serve it: MODEL_VERSION={folder.name} make run, or train with --champion")
