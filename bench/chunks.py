"""Rows that travel many at once: the batch endpoint, and bulk scoring of a file."""

import json
import subprocess
import sys
import tempfile
import time
from http import HTTPStatus
from pathlib import Path

import httpx
import numpy as np
import polars as pl

from bench.contender import TOLERANCE, ContenderError, Running
from bench.processes import environment
from bench.record import ChunkPoint
from bench.trips import batch_file, parquet_file, reference
from bench.wrk import PREDICT_PATH, load
from config import ROOT
from core.models.trip_duration.features import derive

BATCH_PATH = f"{PREDICT_PATH}/batch"
BATCH_ROWS = 10_000
BATCH_CONNECTIONS = 4
"""Enough that a batch is computed while another is read and a third is written."""
BULK_TIMEOUT_S = 600
CHECKED_ROWS = 1_000


class MissingError(Exception):
    """Raised when the system has no such way in."""


def measure_batch(running: Running, *, seconds: int, number: int) -> ChunkPoint:
    """Load the batch endpoint with full batches.

    Raises
    ------
    MissingError
        If there is no such endpoint.
    ContenderError
        If a duration is not the model's.
    """
    bodies = batch_file(BATCH_ROWS)
    _check_batch(running, bodies)
    reading = load(running.url, connections=BATCH_CONNECTIONS, seconds=seconds, bodies=bodies, path=BATCH_PATH)
    rows_per_s = reading.requests_per_s * BATCH_ROWS
    return ChunkPoint(kind="batch", round=number, rows=BATCH_ROWS, rows_per_s=rows_per_s, errors=reading.errors)


def _check_batch(running: Running, bodies: Path) -> None:
    body = bodies.read_bytes()
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(running.url + BATCH_PATH, content=body, headers=headers, timeout=60)
    if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        raise MissingError("there is no batch endpoint")
    outcomes = _outcomes(answer.raise_for_status().json())
    given = np.array([outcome["duration"] for outcome in outcomes])
    trips = json.loads(body)["trips"]
    wanted = _expected({name: [trip[name] for trip in trips] for name in trips[0]})
    if not np.allclose(given, wanted, rtol=TOLERANCE, atol=0.0):
        raise ContenderError("the batch endpoint answers other durations than the model")


def _outcomes(answer: dict[str, object]) -> list[dict[str, float]]:
    """Return the one list of the answer: an outcome a row."""
    [outcomes] = [value for value in answer.values() if isinstance(value, list)]
    return outcomes


def measure_bulk(running: Running, *, rows: int, number: int) -> ChunkPoint:
    """Score a Parquet file through the queue, as a user does; the interpreter's start counts.

    Raises
    ------
    MissingError
        If the command line cannot.
    ContenderError
        If the output is not the model's.
    """
    _require_command()
    trips = parquet_file(rows)
    with tempfile.TemporaryDirectory(prefix="bench-bulk-") as folder:
        output = Path(folder) / "out.parquet"
        command = [sys.executable, "-m", "apps.cli", "predict", "--input", str(trips), "--output", str(output)]
        started = time.perf_counter()
        done = subprocess.run(  # noqa: S603 (our own command)
            command,
            cwd=ROOT,
            env=environment(CELERY_BROKER_URL=running.broker_url, LOG_DIR=folder),
            capture_output=True,
            text=True,
            timeout=BULK_TIMEOUT_S,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            raise ContenderError(f"bulk scoring failed: {done.stderr[-500:]}")
        _check_bulk(output, rows)
    return ChunkPoint(kind="bulk", round=number, rows=rows, rows_per_s=rows / seconds, errors=0)


def _require_command() -> None:
    command = [sys.executable, "-m", "apps.cli", "predict", "--help"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)  # noqa: S603 (our own command)
    if asked.returncode:
        raise MissingError("the command line has no `predict`")


def _check_bulk(output: Path, rows: int) -> None:
    frame = pl.read_parquet(output)
    checked = frame.gather_every(max(1, rows // CHECKED_ROWS))
    wanted = _expected(checked.to_dict(as_series=False))
    if frame.height != rows or not np.allclose(checked["duration"].to_numpy(), wanted, rtol=TOLERANCE, atol=0.0):
        raise ContenderError("bulk scoring wrote other durations than the model's")


def _expected(columns: dict[str, list[float]]) -> np.ndarray:
    return reference().transform(derive(columns))
