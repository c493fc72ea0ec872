"""The load generator of the benchmarks: wrk."""

import json
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.trips import requests_file

SCRIPT = Path(__file__).with_name("trips.lua")
PREDICT_PATH = "/v1/trip/predict"
LONGEST_S = 30
"""A request that takes longer counts as an error; far above what the slowest contender takes."""
PAUSE_MS = 300
"""Before the first request, for all connections to be accepted (``trips.lua`` tells why); not part of the reading."""
_MARK = "READING "


class LoadError(Exception):
    """Raised when a run left no reading: wrk failed, or nothing was answered."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What wrk read off one run.

    Latencies are corrected by wrk for coordinated omission: a stall also counts for the requests that its connection
    would have sent meanwhile.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int
    """Answers with a status of 400 and more, and sockets that failed."""
    generator_cpu_s: float
    """CPU seconds of wrk itself."""

    @property
    def requests_per_s(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def require_wrk() -> None:
    """End the program with one line if wrk is not installed."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")


def load(url: str, *, connections: int, seconds: int, bodies: Path | None = None, path: str = PREDICT_PATH) -> Reading:
    """Load ``url`` over keep-alive connections, each with one request under way; return what wrk read off.

    Posted to ``path`` are the lines of ``bodies``, a JSON body each; default: the single requests of
    :mod:`bench.trips`.

    Raises
    ------
    LoadError
        If nothing was answered.
    """
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={LONGEST_S}s", "-s", str(SCRIPT)]
    arguments = [str(bodies or requests_file()), path, str(connections), str(PAUSE_MS)]
    command = ["wrk", *options, url, "--", *arguments]
    before = _children_cpu_s()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own command)
    return parse(done.stdout + done.stderr, generator_cpu_s=_children_cpu_s() - before)


def parse(output: str, *, generator_cpu_s: float = 0.0) -> Reading:
    """Read what ``trips.lua`` printed at the end of a run.

    Raises
    ------
    LoadError
        If it did not, or no request was answered.
    """
    lines = [line for line in output.splitlines() if line.startswith(_MARK)]
    if len(lines) != 1:
        raise LoadError(f"wrk printed no reading: {output[-500:]}")
    told = json.loads(lines[0].removeprefix(_MARK))
    if not told["requests"]:
        raise LoadError("no request was answered")
    errors = told.pop("statuses") + told.pop("sockets")
    seconds = told.pop("seconds") - PAUSE_MS / 1000
    return Reading(**told, seconds=seconds, errors=errors, generator_cpu_s=generator_cpu_s)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
