"""The figures of a run as tables, for the terminal and for the documentation."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Spread, crossover, ratio, spread
from bench.lineup import CONTENDERS
from bench.models import TITLES
from bench.record import DialPoint, Point, Record, connections_in_words
from bench.targets import judge, select, throughput

DETAILED_CONNECTIONS = 64
KINDS = ("web", "worker", "broker", "launcher")
_WHOLE_FROM = 100


@dataclass(frozen=True)
class Table:
    """A title, the heads of the columns, the rows; the first column is text, the others are numbers."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]] = ()


def tables(record: Record) -> list[Table]:
    """Return all tables of a run that have rows."""
    found = [verdicts(record)]
    for model in dict.fromkeys(point.model for point in record.points):
        found += [throughputs(record, model), latencies(record, model), ratios(record, model), costs(record, model)]
    found += [crossovers(record), sweep(record), chunks(record)]
    return [table for table in found if table.rows]


def verdicts(record: Record) -> Table:
    """Return the targets and whether the run reaches them."""
    words = {True: "reached", False: "**not reached**", None: "not measured"}
    rows = [(verdict.what, verdict.limit, _plain(verdict.value), words[verdict.reached]) for verdict in judge(record)]
    return Table("Targets", ("what", "target", "measured", ""), rows)


def throughputs(record: Record, model: str) -> Table:
    """Return requests a second by contender and connections: the median (least to greatest)."""
    return _by_connections(
        record, model, "requests/s", lambda points: _spread(spread([point.requests_per_s for point in points]))
    )


def latencies(record: Record, model: str) -> Table:
    """Return the medians of p50 and p99."""

    def shown(points: Sequence[Point]) -> str:
        p50, p99 = (statistics.median(values) for values in zip(*((p.p50_ms, p.p99_ms) for p in points), strict=True))
        return f"{_short(p50)} / {_short(p99)}"

    return _by_connections(record, model, "p50 / p99 in ms", shown)


def ratios(record: Record, model: str) -> Table:
    """Return our requests a second over those of each other contender."""

    def shown(points: Sequence[Point]) -> str:
        ours = select(record, model, "ours", points[0].connections)
        if len(ours) != len(points):
            return ""
        return _spread(ratio([throughput(point) for point in ours], [throughput(point) for point in points]))

    return _by_connections(record, model, "ours / contender, requests/s", shown, without="ours")


def costs(record: Record, model: str) -> Table:
    """Return CPU time, memory and errors at one number of connections; errors at all."""
    rows = []
    for name in _contenders(record, model):
        points = select(record, model, name, DETAILED_CONNECTIONS)
        if points:
            cpu = {kind: _median_cpu_s(points, kind) for kind in (*KINDS, "generator")}
            total = sum(cpu[kind] for kind in KINDS)
            all_points = [p for p in record.points if (p.model, p.contender) == (model, name)]
            errors = (
                f"{sum(p.errors for p in all_points)}{', restarted' if any(p.restarted for p in all_points) else ''}"
            )
            spent = (f"{cpu[kind]:.3f}" if cpu[kind] else "" for kind in KINDS)
            rows.append((name, f"{total:.3f}", *spent, f"{cpu['generator']:.3f}", _memory(points[-1]), errors))
    heads = ("", "total", *KINDS, "wrk", "MiB by process", "errors")
    title = (
        f"{_title(model)}: CPU seconds per 1,000 requests at {DETAILED_CONNECTIONS} connections, and resident memory"
    )
    return Table(title, heads, rows)


def crossovers(record: Record) -> Table:
    """Return, for each cost of a row, the cost of a call from which ours is ahead."""
    rows = []
    for per_row_us, points in sweep_ratios(record).items():
        found = crossover([(cost, value.middle) for cost, value in points])
        shown = f"not up to {points[-1][0]:g} us" if found is None else f"{found:.0f} us" if found else "always"
        rows.append((f"{per_row_us:g} us", shown))
    heads = ("where a row costs", "ours is ahead from a call of")
    return Table("The crossover: ours against in-process-all, 64 connections", heads, rows)


def sweep(record: Record) -> Table:
    """Return the points behind the crossover."""
    by_row = sweep_ratios(record)
    costs_us = list(dict.fromkeys(cost for points in by_row.values() for cost, _ in points))
    rows = [
        (f"{per_row_us:g} us", *(_spread(dict(points)[cost]) if cost in dict(points) else "" for cost in costs_us))
        for per_row_us, points in by_row.items()
    ]
    heads = ("where a row costs", *(f"a call of {cost:g} us" for cost in costs_us))
    return Table("The dial: ours / in-process-all, requests/s, 64 connections", heads, rows)


def sweep_ratios(record: Record) -> dict[float, list[tuple[float, Spread]]]:
    """Return, by the cost of a row, the ratio of ours to in-process on all cores at each cost of a call."""
    found: dict[float, list[tuple[float, Spread]]] = {}
    for per_row_us, per_call_us in sorted({(point.per_row_us, point.per_call_us) for point in record.dial}):
        ours, theirs = (
            [point.requests_per_s for point in _dialled(record, name, per_row_us, per_call_us)]
            for name in ("ours", "in-process-all")
        )
        if ours and len(ours) == len(theirs):
            found.setdefault(per_row_us, []).append((per_call_us, ratio(ours, theirs)))
    return found


def chunks(record: Record) -> Table:
    """Return rows a second where many rows travel at once."""
    rows = []
    for kind in dict.fromkeys(point.kind for point in record.chunks):
        points = [point for point in record.chunks if point.kind == kind]
        rows.append((kind, f"{points[0].rows:,}", _spread(spread([point.rows_per_s for point in points]))))
    return Table("Many rows at once, linear", ("", "rows in one go", "rows/s"), rows)


def _dialled(record: Record, name: str, per_row_us: float, per_call_us: float) -> list[DialPoint]:
    wanted = (name, per_row_us, per_call_us)
    found = [point for point in record.dial if (point.contender, point.per_row_us, point.per_call_us) == wanted]
    return sorted(found, key=lambda point: point.round)


def _by_connections(
    record: Record, model: str, what: str, shown: Callable[[Sequence[Point]], str], *, without: str = ""
) -> Table:
    """Return a row for each contender and a column for each number of connections."""
    connections = sorted({point.connections for point in record.points if point.model == model})
    rows = []
    for name in _contenders(record, model):
        if name != without:
            cells = (select(record, model, name, count) for count in connections)
            rows.append((name, *(shown(points) if points else "" for points in cells)))
    heads = ("", *(connections_in_words(count) for count in connections))
    return Table(f"{_title(model)}: {what}", heads, rows)


def _contenders(record: Record, model: str) -> list[str]:
    """Return the contenders that were measured with ``model``, in the order of their definition."""
    measured = {point.contender for point in record.points if point.model == model}
    return [name for name in CONTENDERS if name in measured]


def _title(model: str) -> str:
    title = TITLES[model]
    return title[0].upper() + title[1:]


def _median_cpu_s(points: Sequence[Point], kind: str) -> float:
    return statistics.median(point.cpu_s_per_1000.get(kind, 0.0) for point in points)


def _memory(point: Point) -> str:
    """Return the sizes of a contender's processes, such as ``web 61 + 41, worker 171``."""
    memory = point.resident_mib
    return ", ".join(f"{kind} {' + '.join(f'{size:.0f}' for size in memory[kind])}" for kind in KINDS if kind in memory)


def _plain(value: Spread | None) -> str:
    return "" if value is None else _spread(value)


def _spread(value: Spread) -> str:
    if value.low == value.middle == value.high:
        return _short(value.middle)
    return f"{_short(value.middle)} ({_short(value.low)} to {_short(value.high)})"


def _short(value: float) -> str:
    """Write a number with three significant digits, thousands as such.

    Examples
    --------
    >>> _short(0.1234), _short(12.34), _short(1234.5)
    ('0.123', '12.3', '1,234')
    """
    if value == 0 or abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"
