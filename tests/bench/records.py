"""Runs of the benchmark as tests need them: made up, with figures that are easy to check."""

from datetime import UTC, datetime
from typing import Any

from bench.provenance import Provenance
from bench.record import ChunkPoint, DialPoint, Point, Record

PROVENANCE = Provenance(
    commit="0123456789ab",
    dirty=False,
    command="python -m bench",
    started_at=datetime(2026, 1, 2, tzinfo=UTC),
    processor="A <processor> & more",
    cores=2,
    memory_gib=8.0,
    system="Linux",
    python="3.11.7",
    versions={"fastapi": "0.165.0"},
    load_before=0.0,
)


def point(contender: str, requests_per_s: float, **changes: Any) -> Point:
    """Return a reading with the linear model at 64 connections."""
    values: dict[str, Any] = {
        "model": "linear",
        "connections": 64,
        "round": 0,
        "requests": 1000,
        "p50_ms": 10.0,
        "p99_ms": 20.0,
        "max_ms": 30.0,
        "errors": 0,
        "cpu_s_per_1000": {"web": 0.1, "generator": 0.02},
        "resident_mib": {"web": [50.0, 12.5]},
        "restarted": False,
    }
    return Point(contender=contender, requests_per_s=requests_per_s, **{**values, **changes})


def dial_points(ratios: dict[float, float], *, per_row_us: float = 2.0) -> list[DialPoint]:
    """Return a sweep in which ours is so many times as fast as in-process on all cores, by the cost of a call."""
    return [
        DialPoint(
            contender=contender,
            round=0,
            per_call_us=cost,
            per_row_us=per_row_us,
            requests_per_s=1000 * (ratio if contender == "ours" else 1.0),
            errors=0,
        )
        for cost, ratio in ratios.items()
        for contender in ("ours", "in-process-all")
    ]


def record(*points: Point, dial: list[DialPoint] | None = None, chunks: list[ChunkPoint] | None = None) -> Record:
    """Return a run."""
    return Record(provenance=PROVENANCE, points=list(points), dial=dial or [], chunks=chunks or [], skipped=[])
