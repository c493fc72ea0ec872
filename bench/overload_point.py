"""One reading of an overload: the capacity, a multiple of it offered in an open loop, and what came of it."""

import gc
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil
import uvloop

from bench.contender import Running
from bench.open_loop import ID_LENGTH, LATE, OK, REFUSED, OpenLoop, Report
from bench.processes import usage
from bench.trips import KNOWN, generate_trips
from bench.wrk import load
from core.services.admission import BOOKABLE

DEADLINE_S = 1
WARM_UP_S = 3.0
CAPACITY_CONNECTIONS = 256
CAPACITY_SECONDS = 6
PROBE_WARM_UP_S, PROBE_S = 1.5, 3.0
PROBES = 6
"""Halvings of the bracket: the capacity of an open loop is known to a sixtieth."""
SERVED = 0.99
"""Share of the requests that are answered in time where a rate is within the capacity."""
SETTLE_S = 2.0
FEW = 0.02
"""Share of the refused clients that obey, where they are but a sample."""
PUNCTUAL = 0.75
"""Share of the bookable places that is used where many obey."""
MESSAGES = 5_000


@dataclass(frozen=True, kw_only=True)
class Point:
    """One load: what was offered and what came of it; times in milliseconds, rates a second."""

    model: str
    capacity: float
    load: float
    obeying: float
    offered: float
    goodput: float
    goodput_share: float
    accepted_p50_ms: float
    accepted_p99_ms: float
    accepted_max_ms: float
    refused_share: float
    refused_p50_ms: float
    refused_p99_ms: float
    late: int
    broken: int
    returned: int
    returned_accepted: float
    retry_after: dict[int, int]
    cpu: dict[str, float]
    """Cores used by each kind of process, the generator among them; ``others`` is what did not belong here."""


def measure_capacity(system: Running) -> float:
    """Return the requests a second that a closed loop gets."""
    load(system.url, connections=CAPACITY_CONNECTIONS, seconds=1)
    reading = load(system.url, connections=CAPACITY_CONNECTIONS, seconds=CAPACITY_SECONDS)
    time.sleep(SETTLE_S)
    return reading.requests_per_s


def measure_open_capacity(system: Running) -> float:
    """Return the largest rate of an open loop, a second, of which nearly everything is answered in time.

    It is below the closed loop's: arrivals that nobody holds back come one by one and in bunches, over many more
    connections, and the generator that sends them takes more of the machine.
    """
    low, high = 0.0, measure_capacity(system)
    for _ in range(PROBES):
        rate = (low + high) / 2
        report = _offer(system, rate=rate, warm_up_s=PROBE_WARM_UP_S, measured_s=PROBE_S, obeying=0.0)
        served = report.statuses[OK] >= SERVED * (report.statuses.total() + report.broken)
        low, high = (rate, high) if served else (low, rate)
        time.sleep(SETTLE_S)
    return low


CAPACITIES = {"closed": measure_capacity, "open": measure_open_capacity}


def obeying_shares(multiple: float) -> list[float]:
    """Return the shares of refused clients that shall obey: few, and as many as there are places to promise.

    All of them cannot: while more comes in than can be served, those who never give up only become more. With
    a share q of those refused coming back, and a load of x capacities, x - 1 + r are refused and r = q (x - 1 + r)
    come back; r cannot exceed what is bookable, and is somewhat below here, for the capacity drifts.
    """
    many = PUNCTUAL * BOOKABLE
    return [FEW] if multiple <= 1 else [FEW, many / (multiple - 1 + many)]


def measure(system: Running, model: str, *, multiple: float, capacity: float, obeying: float, seconds: float) -> Point:
    """Offer one load and return what came of it."""
    edges: list[dict[str, float]] = []
    report = _offer(
        system,
        rate=multiple * capacity,
        warm_up_s=WARM_UP_S,
        measured_s=seconds,
        obeying=obeying,
        on_edge=lambda: edges.append(cpu_seconds(system)),
    )
    time.sleep(SETTLE_S)
    before, after = edges
    cpu = {kind: round((after[kind] - before.get(kind, 0.0)) / seconds, 2) for kind in after}
    total, first = report.statuses.total(), sum(report.returns.values())
    return Point(
        model=model,
        capacity=capacity,
        load=multiple,
        obeying=round(obeying, 3),
        offered=total / seconds,
        goodput=report.statuses[OK] / seconds,
        goodput_share=report.statuses[OK] / seconds / capacity,
        accepted_p50_ms=percentile_ms(report.accepted_s, 50),
        accepted_p99_ms=percentile_ms(report.accepted_s, 99),
        accepted_max_ms=percentile_ms(report.accepted_s, 100),
        refused_share=report.statuses[REFUSED] / max(1, total),
        refused_p50_ms=percentile_ms(report.refused_s, 50),
        refused_p99_ms=percentile_ms(report.refused_s, 99),
        late=report.statuses[LATE],
        broken=report.broken + total - sum(report.statuses[status] for status in (OK, REFUSED, LATE)),
        returned=first,
        returned_accepted=report.returns[OK] / first if first else float("nan"),
        retry_after=dict(sorted(report.retry_after_s.items())),
        cpu=cpu,
    )


def _offer(
    system: Running,
    *,
    rate: float,
    warm_up_s: float,
    measured_s: float,
    obeying: float,
    on_edge: Callable[[], None] | None = None,
) -> Report:
    async def run() -> Report:
        loop = OpenLoop(
            int(system.url.rpartition(":")[2]),
            messages=messages(),
            rate=rate,
            warm_up_s=warm_up_s,
            measured_s=measured_s,
            obeying=obeying,
            on_edge=on_edge,
        )
        return await loop.run()

    # The generator makes no cycles, and a collection of its many objects would stall it.
    gc.collect()
    gc.disable()
    report = uvloop.run(run())
    gc.enable()
    return report


def messages() -> list[tuple[bytes, bytes]]:
    """Return requests as bytes, in two parts: the id goes between them."""
    parts = []
    for trip in generate_trips(MESSAGES):
        body = json.dumps({"request_id": "#" * ID_LENGTH, **{name: trip[name] for name in KNOWN if name in trip}})
        head = (
            "POST /v1/trip/predict HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n"
            f"X-Request-Timeout: {DEADLINE_S}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        before, after = (head + body).encode().split(b"#" * ID_LENGTH)
        parts.append((before, after))
    return parts


def cpu_seconds(system: Running) -> dict[str, float]:
    """Return the CPU seconds used so far, by kind of process."""
    ours = usage(system.roots)
    own = os.times()
    spent = {**ours.cpu_s, "generator": own.user + own.system}
    members = {*ours.pids, os.getpid()}
    spent["others"] = sum(_cpu_s(process) for process in psutil.process_iter() if process.pid not in members)
    return spent


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """Return a percentile in milliseconds, by the nearest rank; NaN of nothing."""
    if not seconds:
        return float("nan")
    rank = max(0, -(-len(seconds) * percent // 100) - 1)
    return round(sorted(seconds)[int(rank)] * 1000, 1)
