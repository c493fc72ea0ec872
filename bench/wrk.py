"""The load generator of the benchmarks: wrk."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from tests.e2e.processes import ROOT


@dataclass(frozen=True)
class Reading:
    """What wrk read off one run."""

    requests: int
    requests_per_s: float
    p50: str
    p99: str
    errors: int


def require_wrk() -> None:
    """End the program with one line if wrk is not installed."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")


def load(url: str, *, connections: int, seconds: int) -> Reading:
    """Load ``url`` with distinct trips and return what wrk read off."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", "bench/trips.lua", url]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603
    errors = re.findall(r"(?:Non-2xx or 3xx responses|connect|read|write|timeout):? (\d+)", output)
    return Reading(
        requests=int(_find(r"(\d+) requests in", output)),
        requests_per_s=float(_find(r"Requests/sec:\s+([\d.]+)", output)),
        p50=_find(r"50%\s+(\S+)", output),
        p99=_find(r"99%\s+(\S+)", output),
        errors=sum(map(int, errors)),
    )


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"wrk printed no {pattern}")
    return found[1]
