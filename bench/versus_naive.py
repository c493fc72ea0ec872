"""Ours against the naive queue, interleaved: ``python -m bench.versus_naive [--connections 64] [--rounds 3]``."""

import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer

from bench.wrk import Reading, load, require_wrk
from tests.e2e.processes import Stack, create_stack, free_port, running, wait_until

NAIVE_WEB_PROCESSES = 4


def main(connections: int = 64, rounds: int = 3, seconds: Annotated[int, typer.Option(help="Of one run.")] = 6) -> None:
    """Run both contenders in turn and print each reading and the ratio of the medians."""
    require_wrk()
    readings: dict[str, list[Reading]] = {"naive": [], "ours": []}
    with ExitStack() as stack:
        ours = create_stack(Path(tempfile.mkdtemp(prefix="bench-")))
        stack.enter_context(ours.running())
        naive_url = stack.enter_context(_naive(ours))
        urls = {"naive": naive_url, "ours": ours.url}
        for _ in range(rounds):
            for name, url in urls.items():
                readings[name].append(load(url, connections=connections, seconds=seconds))
                typer.echo(f"{name:6} {readings[name][-1]}")
    medians = {name: statistics.median(r.requests_per_s for r in runs) for name, runs in readings.items()}
    typer.echo(f"{connections} connections: naive {medians['naive']:.0f}/s, ours {medians['ours']:.0f}/s, ", nl=False)
    typer.echo(f"ratio {medians['ours'] / medians['naive']:.1f}")


@contextmanager
def _naive(stack: Stack) -> Iterator[str]:
    """Run the naive contender on the broker of ``stack``; yields its URL."""
    port, env = free_port(), stack.env()
    celery = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "bench.naive",
        "worker",
        "-P",
        "gevent",
        "-c",
        "4",
        "-Q",
        "naive.trip",
    ]
    uvicorn = [sys.executable, "-m", "uvicorn", "bench.naive:web", "--port", str(port), "--no-access-log"]
    log = stack.folder / "naive.log"
    with running(*celery, log=log, env=env), running(*uvicorn, "--workers", str(NAIVE_WEB_PROCESSES), log=log, env=env):
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(url), what="the naive contender answers")
        yield url


def _answers(url: str) -> bool:
    trip = {"request_id": "1", "PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}
    try:
        return httpx.post(f"{url}/v1/trip/predict", json=trip, timeout=10).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    typer.run(main)
