"""How long a single request waits behind others' many rows: ``python -m bench.delay``.

The model burns half a millisecond of CPU a row, so that 10,000 rows keep the one worker busy for five seconds; a single
request must wait for one chunk of them at most, which is cut to 25 ms.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread

import httpx
import numpy as np
import polars as pl
import typer

from bench.dial import turn, write_dial
from bench.models import dialled
from tests.e2e.processes import EXAMPLE, ROOT, Stack, create_stack, wait_until

PER_ROW_US = 500.0
ROWS = 10_000
SECONDS = 5.0
WARM_UP_S = 1.0


def main() -> None:
    """Print the latencies of single requests: on an idle system, beside a batch request, beside a bulk run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cost, model = write_dial(folder)
        turn(cost, per_call_us=0.0, per_row_us=PER_ROW_US)
        stack = create_stack(folder)
        with stack.running(worker=dialled(model).settings):
            typer.echo(f"{'beside':>14}{'requests':>10}{'p50 ms':>9}{'p99 ms':>9}{'worst ms':>10}")
            for label, busy in (("nothing", _nothing), ("a batch", _batch), ("a bulk run", _bulk)):
                with busy(stack):
                    latencies = _latencies(stack)
                wait_until(lambda: not stack.broker.computing(), what="the rows are dropped")
                cuts = quantiles(latencies, n=100)
                row = f"{label:>14}{len(latencies):>10}{cuts[49]:>9.1f}{cuts[98]:>9.1f}{max(latencies):>10.1f}"
                typer.echo(row)


def _latencies(stack: Stack) -> list[float]:
    """Ask one request after the other; return their latencies in milliseconds."""
    time.sleep(WARM_UP_S)
    latencies: list[float] = []
    end = time.monotonic() + SECONDS
    with httpx.Client(timeout=30) as client:
        while time.monotonic() < end:
            started = time.monotonic()
            client.post(stack.predict_url, json=EXAMPLE).raise_for_status()
            latencies.append((time.monotonic() - started) * 1e3)
    return latencies


@contextmanager
def _nothing(_: Stack) -> Iterator[None]:
    yield


@contextmanager
def _batch(stack: Stack) -> Iterator[None]:
    """Keep two full batches under way."""
    trip = {name: value for name, value in EXAMPLE.items() if name != "request_id"}
    body = json.dumps({"request_id": "batch", "trips": [trip] * ROWS}).encode()
    headers = {"Content-Type": "application/json", "X-Request-Timeout": str(WARM_UP_S + SECONDS)}
    stop = Event()

    def ask() -> None:
        while not stop.is_set():
            httpx.post(f"{stack.predict_url}/batch", content=body, headers=headers, timeout=30)

    with _threads(ask, ask, stop=stop):
        yield


@contextmanager
def _threads(*functions: Callable[[], None], stop: Event) -> Iterator[None]:
    threads = [Thread(target=function, daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def _bulk(stack: Stack) -> Iterator[None]:
    """Keep a bulk run under way."""
    source, output = stack.folder / "in.parquet", stack.folder / "out.parquet"
    zones = np.full(20 * ROWS, 130)
    pl.DataFrame({"PULocationID": zones, "DOLocationID": zones, "trip_distance": zones / 1.0}).write_parquet(source)
    command = [sys.executable, "-m", "apps.cli", "predict", "--input", str(source), "--output", str(output)]
    with ExitStack() as stop, (stack.folder / "bulk.log").open("wb") as log:
        run = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **stack.env()}, stdout=log, stderr=log)  # noqa: S603
        stop.callback(run.wait)
        stop.callback(run.kill)
        wait_until(stack.broker.computing, what="the bulk run is under way")
        yield


if __name__ == "__main__":
    typer.run(main)
