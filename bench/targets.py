"""What the system is meant to reach against the other contenders, and whether a run shows it."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Spread, ratio, spread
from bench.record import ChunkPoint, DialPoint, Point, Record

Value = Callable[[Point], float]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A target, and what a run says about it; ``value`` is None where the run did not measure it."""

    what: str
    least: float | None = None
    most: float | None = None
    value: Spread | None

    @property
    def reached(self) -> bool | None:
        """Tell whether the median is within the limit."""
        if self.value is None:
            return None
        return (self.least is None or self.value.middle >= self.least) and (
            self.most is None or self.value.middle <= self.most
        )

    @property
    def limit(self) -> str:
        """The target in writing."""
        return f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"


def throughput(point: Point) -> float:
    """Return the answers a second."""
    return point.requests_per_s


def judge(record: Record) -> list[Verdict]:
    """Judge a run by every target."""
    linear, trees = _Compare(record, "linear"), _Compare(record, "trees")
    return [
        Verdict(what="linear, 64 connections: ours / naive-queue", least=20, value=linear.over("naive-queue", 64)),
        Verdict(what="linear, 64 connections: ours / in-process", least=2.0, value=linear.over("in-process", 64)),
        Verdict(
            what="linear, 64 connections: ours / in-process-all", least=1.3, value=linear.over("in-process-all", 64)
        ),
        Verdict(what="linear, 64 connections: ours / folded", least=0.85, value=linear.over("folded", 64)),
        Verdict(what="linear, 64 connections: ours / echo", least=0.75, value=linear.over("echo", 64)),
        Verdict(what="linear, 256 connections: ours / echo", least=0.85, value=linear.over("echo", 256)),
        Verdict(what="trees, 64 connections: ours / in-process-all", least=3, value=trees.over("in-process-all", 64)),
        Verdict(
            what="trees, 64 connections: ours / the faster micro-batching",
            least=0.8,
            value=trees.over_fastest(("micro-batching", "micro-batching-thread"), 64),
        ),
        Verdict(what="linear, 64 connections: p99 / p50 of ours", most=3, value=linear.tail(64)),
        Verdict(what="linear, 256 connections: p99 / p50 of ours", most=3, value=linear.tail(256)),
        Verdict(
            what="linear, 1 connection: p50 of ours / naive-queue",
            most=0.4,
            value=linear.over("naive-queue", 1, lambda point: point.p50_ms),
        ),
        Verdict(
            what="batch endpoint: rows/s / single requests/s at 64 connections", least=30, value=linear.chunks("batch")
        ),
        Verdict(
            what="bulk scoring: rows/s / single requests/s at 64 connections", least=200, value=linear.chunks("bulk")
        ),
        Verdict(what="errors, at all points together", most=0, value=_errors(record)),
    ]


@dataclass(frozen=True)
class _Compare:
    """Ours against others, with one model."""

    record: Record
    model: str

    def over(self, contender: str, connections: int, value: Value = throughput) -> Spread | None:
        over, under = self._values("ours", connections, value), self._values(contender, connections, value)
        return ratio(over, under) if over and len(over) == len(under) else None

    def over_fastest(self, contenders: tuple[str, ...], connections: int) -> Spread | None:
        values = [value for contender in contenders if (value := self.over(contender, connections))]
        return min(values, key=lambda value: value.middle) if len(values) == len(contenders) else None

    def tail(self, connections: int) -> Spread | None:
        tails = self._values("ours", connections, lambda point: point.p99_ms / point.p50_ms)
        return spread(tails) if tails else None

    def chunks(self, kind: str) -> Spread | None:
        """Compare rows a second with the single requests a second of the same rounds, at 64 connections."""
        rows = [point.rows_per_s for point in self.record.chunks if point.kind == kind]
        singles = self._values("ours", 64, throughput)
        return ratio(rows, singles) if rows and len(rows) == len(singles) else None

    def _values(self, contender: str, connections: int, value: Value) -> list[float]:
        return [value(point) for point in select(self.record, self.model, contender, connections)]


def select(record: Record, model: str, contender: str, connections: int) -> list[Point]:
    """Return the readings of a contender, a round each, in the order of rounds."""
    wanted = (model, contender, connections)
    found = [point for point in record.points if (point.model, point.contender, point.connections) == wanted]
    return sorted(found, key=lambda point: point.round)


def _errors(record: Record) -> Spread | None:
    readings: tuple[Point | DialPoint | ChunkPoint, ...] = (*record.points, *record.dial, *record.chunks)
    errors = [point.errors for point in readings]
    return Spread(sum(errors), min(errors), max(errors)) if errors else None
