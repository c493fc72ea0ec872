"""The run of the benchmark: rounds over contenders, each started afresh and alone on the machine."""

import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.chunks import MissingError, measure_batch, measure_bulk
from bench.contender import Contender, ContenderError, Running
from bench.dial import turn, write_dial
from bench.lineup import CONTENDERS
from bench.measurement import measure, warm_up
from bench.models import MODELS, Served, dialled
from bench.provenance import gather
from bench.record import ChunkPoint, DialPoint, Point, Record
from bench.wrk import LoadError, load

SETTLE_S = 0.5
"""Between two readings, for what the last one left under way when wrk hung up."""
DIAL_CONNECTIONS = 64
DIAL_CONTENDERS = ("in-process-all", "ours")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured, and for how long."""

    models: tuple[str, ...] = tuple(MODELS)
    contenders: tuple[str, ...] = tuple(CONTENDERS)
    connections: tuple[int, ...] = (1, 16, 64, 256)
    rounds: int = 3
    seconds: int = 3
    warm_up_s: int = 1
    dial_per_call_us: tuple[float, ...] = (0, 100, 200, 400, 800, 1600)
    dial_per_row_us: tuple[float, ...] = (2, 20, 200)
    dial_seconds: int = 2
    bulk_rows: int = 5_000_000
    """0: neither the batch endpoint nor bulk scoring is measured."""


QUICK = Plan(
    connections=(1, 64, 256),
    rounds=1,
    seconds=2,
    dial_per_call_us=(0, 200, 800),
    dial_per_row_us=(2,),
    bulk_rows=500_000,
)


@dataclass(kw_only=True)
class Run:
    """A run under way: what was read off so far."""

    plan: Plan
    say: Callable[[str], None]
    points: list[Point] = field(default_factory=list)
    dial: list[DialPoint] = field(default_factory=list)
    chunks: list[ChunkPoint] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def measure(self) -> Record:
        """Measure all that the plan says."""
        provenance = gather()
        for warning in provenance.warnings():
            self.say(f"Warning: {warning}")
        for name in self.plan.models:
            model = MODELS[name]()
            for number in range(self.plan.rounds):
                self._round(model, number)
        if self.plan.dial_per_call_us:
            for number in range(self.plan.rounds):
                self._turn_the_dial(number)
        return Record(
            provenance=provenance,
            points=self.points,
            dial=self.dial,
            chunks=self.chunks,
            skipped=list(dict.fromkeys(self.skipped)),
        )

    def _round(self, model: Served, number: int) -> None:
        """Measure each contender once, in an order of this round's own."""
        wanted = [c for c in CONTENDERS.values() if c.name in self.plan.contenders and model.name in c.models]
        random.Random(number).shuffle(wanted)  # noqa: S311 (no secret)
        for contender in wanted:
            with self._noting_failure(f"{model.name}, {contender.name}"), contender.running(model) as running:
                warm_up(running, seconds=self.plan.warm_up_s)
                for connections in self.plan.connections:
                    self._measure(running, model, contender, connections, number)
                if contender.name == "ours" and model.name == "linear" and self.plan.bulk_rows:
                    self._measure_chunks(running, number)

    @contextmanager
    def _noting_failure(self, what: str) -> Iterator[None]:
        """Go on after a contender that fails: it is named in the report, and what it did not measure is missing."""
        try:
            yield
        except (ContenderError, LoadError, MissingError, httpx.HTTPError, subprocess.SubprocessError) as error:
            reason = f"{what}: {error}"
            self.skipped.append(reason)
            self.say("\n".join([reason, *getattr(error, "__notes__", [])]))

    def _measure(self, running: Running, model: Served, contender: Contender, connections: int, number: int) -> None:
        time.sleep(SETTLE_S)
        point = measure(
            running,
            model=model.name,
            contender=contender.name,
            connections=connections,
            seconds=self.plan.seconds,
            number=number,
        )
        self.points.append(point)
        self.say(
            f"{model.name}, round {number + 1}, {contender.name}, {point.over}: "
            f"{point.requests_per_s:,.0f}/s, p50 {point.p50_ms:.2f} ms, p99 {point.p99_ms:.2f} ms, {point.errors} errors"
        )

    def _measure_chunks(self, running: Running, number: int) -> None:
        measurements: dict[str, Callable[[], ChunkPoint]] = {
            "batch": lambda: measure_batch(running, seconds=self.plan.seconds, number=number),
            "bulk": lambda: measure_bulk(running, rows=self.plan.bulk_rows, number=number),
        }
        for kind, measurement in measurements.items():
            time.sleep(SETTLE_S)
            with self._noting_failure(kind):
                point = measurement()
                self.chunks.append(point)
                self.say(f"round {number + 1}, {kind}: {point.rows_per_s:,.0f} rows/s, {point.errors} errors")

    def _turn_the_dial(self, number: int) -> None:
        """Sweep the cost of a call, for each cost of a row; one start of each contender serves the whole sweep."""
        with tempfile.TemporaryDirectory(prefix="bench-dial-") as folder:
            dial, file = write_dial(Path(folder))
            names = [name for name in DIAL_CONTENDERS if name in self.plan.contenders]
            random.Random(number).shuffle(names)  # noqa: S311 (no secret)
            for name in names:
                turn(dial, per_call_us=0.0, per_row_us=0.0)
                with self._noting_failure(f"dial, {name}"), CONTENDERS[name].running(dialled(file)) as running:
                    warm_up(running, seconds=self.plan.warm_up_s)
                    self._sweep(running, dial, name, number)

    def _sweep(self, running: Running, dial: Path, name: str, number: int) -> None:
        for per_row_us in self.plan.dial_per_row_us:
            for per_call_us in self.plan.dial_per_call_us:
                time.sleep(SETTLE_S)
                turn(dial, per_call_us=per_call_us, per_row_us=per_row_us)
                reading = load(running.url, connections=DIAL_CONNECTIONS, seconds=self.plan.dial_seconds)
                point = DialPoint(
                    contender=name,
                    round=number,
                    per_call_us=per_call_us,
                    per_row_us=per_row_us,
                    requests_per_s=reading.requests_per_s,
                    errors=reading.errors,
                )
                self.dial.append(point)
                self.say(
                    f"dial, round {number + 1}, {name}, {per_call_us:g} us a call + {per_row_us:g} us a row: "
                    f"{point.requests_per_s:,.0f}/s"
                )
