"""A million requests, and what they do to memory: ``python -m bench.soak [--requests 1000000]``."""

import tempfile
from pathlib import Path

import psutil
import typer

from bench.wrk import load, require_wrk
from tests.e2e.processes import Stack, create_stack

SEGMENT_S = 15
WARM_UP_REQUESTS = 100_000
MEBIBYTE = 1024 * 1024


def main(requests: int = 1_000_000, connections: int = 64) -> None:
    """Load until ``requests`` were answered; print memory by process, and its growth since the warm-up."""
    require_wrk()
    stack = create_stack(Path(tempfile.mkdtemp(prefix="soak-")))
    with stack.running():
        processes = _processes(stack)
        done, errors, warm = 0, 0, dict.fromkeys(processes, 0.0)
        while done < requests:
            reading = load(stack.url, connections=connections, seconds=SEGMENT_S)
            done, errors = done + reading.requests, errors + reading.errors
            memory = {name: _resident_mib(process) for name, process in processes.items()}
            if done - reading.requests < WARM_UP_REQUESTS <= done:
                warm = memory
            sizes = ", ".join(f"{name} {size:.1f} MiB" for name, size in memory.items())
            typer.echo(f"{done:>9} requests, {errors} errors, {reading.requests_per_s:.0f}/s: {sizes}")
        for name, size in memory.items():
            typer.echo(f"{name}: {100 * (size / warm[name] - 1):+.1f} % since {WARM_UP_REQUESTS} requests")


def _processes(stack: Stack) -> dict[str, psutil.Process]:
    """Return the broker, the worker and the web process of a stack: children of this process."""
    worker = psutil.Process(int(stack.broker.heartbeats()[0]["pid"]))
    children = {" ".join(child.cmdline()): child for child in psutil.Process().children()}
    web = next(child for command, child in children.items() if "gunicorn" in command).children()[0]
    broker = next(child for command, child in children.items() if "--appendonly" in command or "valkey" in command)
    return {"broker": broker, "worker": worker, "web": web}


def _resident_mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / MEBIBYTE


if __name__ == "__main__":
    typer.run(main)
