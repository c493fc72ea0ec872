"""What a run of the benchmark leaves: every reading, and what made it. It is stored as JSON."""

import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from bench.provenance import Provenance
from config import ROOT

PUBLISHED = ROOT / "bench" / "results" / "latest.json"
"""The run whose figures the documentation shows."""


class Point(BaseModel):
    """One reading: a contender with a model, loaded over so many connections, in one round."""

    model_config = ConfigDict(frozen=True)

    model: str
    contender: str
    connections: int
    round: int
    requests: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int
    cpu_s_per_1000: dict[str, float]
    """CPU seconds for 1,000 requests, by kind of process; ``generator`` is wrk."""
    resident_mib: dict[str, list[float]]
    """Resident memory of each process, by kind, largest first."""
    restarted: bool
    """Whether other processes ran at the end than at the start: the CPU time of the old ones is missing."""

    @property
    def over(self) -> str:
        """The connections in words."""
        return connections_in_words(self.connections)


def connections_in_words(count: int) -> str:
    """Write a number of connections."""
    return f"{count} connection{'s' if count > 1 else ''}"


class DialPoint(BaseModel):
    """One reading of the sweep: what a call and a row cost, and how many requests were answered."""

    model_config = ConfigDict(frozen=True)

    contender: str
    round: int
    per_call_us: float
    per_row_us: float
    requests_per_s: float
    errors: int


class ChunkPoint(BaseModel):
    """One reading of rows that travel many at once: ``batch`` endpoint or ``bulk`` scoring."""

    model_config = ConfigDict(frozen=True)

    kind: str
    round: int
    rows: int
    rows_per_s: float
    errors: int


class Record(BaseModel):
    """A whole run."""

    model_config = ConfigDict(frozen=True)

    provenance: Provenance
    points: list[Point]
    dial: list[DialPoint]
    chunks: list[ChunkPoint]
    skipped: list[str]
    """What was not measured, with the reason."""

    def write(self, path: Path, **derived: Any) -> None:  # noqa: ANN401 (JSON)
        """Write as JSON; ``derived`` is for readers of the file and is not read back."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**self.model_dump(mode="json"), **derived}, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what :meth:`write` wrote."""
        return cls.model_validate_json(path.read_bytes())
