"""Fifty million trips through the pipeline: rows a second and memory at the peak, step by step.

``python -m bench.scale --data <folder of real months> --folder <empty folder>`` makes months of trips from the real ones,
and executes a run on them in a process of its own. The trips are the same at every call: each is a real one, in another
month, some seconds later and a little longer, by a hash of its number.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from bench.scale_run import StepFigures
from config import ROOT

ROWS = 50_000_000
MONTHS = 12
FIRST_YEAR = 2031
"""Beyond all real months, so that nobody takes them for any."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the trips, execute a run on them, and print the figures."""
    options = _options(arguments)
    months = make_months(options.data, options.folder / "months", rows=options.rows)
    command = [sys.executable, "-m", "bench.scale_run", str(options.folder), *months, "--design", options.design]
    command += ["--until", options.until] if options.until else []
    figures = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 (ourselves)
        for line in process.stdout or ():
            figures.append(StepFigures(**json.loads(line)))
            sys.stderr.write(_line(figures[-1], options.rows) + "\n")  # a run takes long: tell as it goes
    sys.stdout.write(table(figures, rows=options.rows))
    return process.returncode


def make_months(data: Path, folder: Path, *, rows: int, months: int = MONTHS) -> list[str]:
    """Write so many rows, in files as the TLC names them, and return the months.

    Files that are there already are left: they are the same.

    Parameters
    ----------
    data : Path
        Folder of real green months, Parquet.
    folder : Path
        Where to write.
    rows : int
        In all.
    months : int
        How many files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(str(path) for path in data.glob("green_tripdata_*.parquet"))
    names = [f"{FIRST_YEAR + number // 12}-{number % 12 + 1:02}" for number in range(months)]
    for number, month in enumerate(names):
        target = folder / f"green_tripdata_{month}.parquet"
        if not target.exists():
            _make(files, target, month=month, rows=rows // months + (number < rows % months))
    return names


def _make(files: list[str], target: Path, *, month: str, rows: int) -> None:
    part = target.with_name(f"{target.name}.part")
    with duckdb.connect(config={"threads": "1", "memory_limit": "1GB"}) as connection:
        trips = connection.read_parquet(files, union_by_name=True).filter(
            "lpep_dropoff_datetime between lpep_pickup_datetime and lpep_pickup_datetime + interval 1 day"
        )
        have = trips.count("*").fetchall()[0][0]
        trips.project("*, row_number() over () as number").create("trips")
        made = connection.sql(
            _SQL, params={"start": date.fromisoformat(f"{month}-01"), "copies": rows // have + 1, "rows": rows}
        )
        made.write_parquet(str(part))
    part.rename(target)


_SQL = """
select
    pickup as lpep_pickup_datetime, pickup + took as lpep_dropoff_datetime, PULocationID, DOLocationID,
    trip_distance * (0.99 + (hashed % 1000) / 50000.0) as trip_distance
from (
    select
        trips.*,
        hash(number, copy, $start::date) as hashed,
        lpep_dropoff_datetime - lpep_pickup_datetime as took,
        $start::timestamp + to_days((hashed % 28)::integer) + to_seconds((hashed % 600)::integer)
            + (lpep_pickup_datetime - date_trunc('day', lpep_pickup_datetime)) as pickup
    from range($copies) copies(copy), trips
)
limit $rows
"""
"""Spread over the first 28 days, which every month has."""


def table(figures: Sequence[StepFigures], *, rows: int) -> str:
    """Return the figures as a table in Markdown."""
    lines = ["| step | seconds | CPU seconds | rows/s | peak memory |", "|---|---|---|---|---|"]
    if figures:
        seconds, cpu_s = (sum(values) for values in zip(*((step.seconds, step.cpu_s) for step in figures), strict=True))
        peak_mib = max(step.peak_mib for step in figures)
        whole = StepFigures(step=f"all of {rows:,} rows", seconds=seconds, cpu_s=cpu_s, peak_mib=peak_mib)
        lines += [_line(step, rows) for step in (*figures, whole)]
    return "\n".join(lines) + "\n"


def _line(step: StepFigures, rows: int) -> str:
    rate = _rate(rows, step.seconds)
    return f"| {step.step} | {step.seconds:.1f} | {step.cpu_s:.1f} | {rate} | {step.peak_mib:,.0f} MiB |"


def _rate(rows: int, seconds: float) -> str:
    return f"{rows / seconds:,.0f}" if seconds else "-"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of real green months")
    parser.add_argument("--folder", type=Path, required=True, help="where to write; 12 GB for 50 million rows")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--design", default="boosted")
    parser.add_argument("--until", help="step to end after: ingest, prepare or split; default: the last one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
