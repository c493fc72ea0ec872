"""One reading: load, latency, CPU time and memory together."""

from collections.abc import Mapping

from bench.contender import Running
from bench.processes import Usage, usage
from bench.record import Point
from bench.wrk import Reading, load

WARM_UP_CONNECTIONS = 64


def warm_up(running: Running, *, seconds: int) -> None:
    """Load a contender without measuring: caches, connections and lazy imports are then behind it."""
    load(running.url, connections=WARM_UP_CONNECTIONS, seconds=seconds)


def measure(running: Running, *, model: str, contender: str, connections: int, seconds: int, number: int) -> Point:
    """Load a contender and return what was read off in round ``number``."""
    before = usage(running.roots)
    reading = load(running.url, connections=connections, seconds=seconds)
    after = usage(running.roots)
    return Point(
        model=model,
        contender=contender,
        connections=connections,
        round=number,
        requests=reading.requests,
        requests_per_s=reading.requests_per_s,
        p50_ms=reading.p50_ms,
        p99_ms=reading.p99_ms,
        max_ms=reading.max_ms,
        errors=reading.errors,
        cpu_s_per_1000=_cpu_s_per_1000(before, after, reading),
        resident_mib=_rounded(after.resident_mib),
        restarted=before.pids != after.pids,
    )


def _cpu_s_per_1000(before: Usage, after: Usage, reading: Reading) -> dict[str, float]:
    thousands = max(reading.requests, 1) / 1000
    spent = {kind: (used - before.cpu_s.get(kind, 0.0)) / thousands for kind, used in after.cpu_s.items()}
    return {**spent, "generator": reading.generator_cpu_s / thousands}


def _rounded(memory: Mapping[str, list[float]]) -> dict[str, list[float]]:
    return {kind: [round(size, 1) for size in sizes] for kind, sizes in memory.items()}
