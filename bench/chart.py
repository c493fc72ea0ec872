"""The figures of a run as a drawing, in plain SVG: readable on light and on dark pages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from bench.figures import Spread, spread
from bench.lineup import CONTENDERS
from bench.models import TITLES
from bench.record import Record
from bench.tables import DETAILED_CONNECTIONS, sweep_ratios
from bench.targets import select
from config import ROOT

CHART = ROOT / "docs" / "benchmark.svg"
WIDTH = 760
LABEL_END = 150
BAR_END = 640
BAR_HEIGHT, BAR_STEP = 16, 24
PANEL_GAP = 46
PLOT_HEIGHT = 180
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.head { font-weight: 600 } .small { font-size: 11px; fill: #57606a }
.bar { fill: #8c959f } .ours { fill: #0969da } .whisker, .axis { stroke: #57606a; stroke-width: 1; fill: none }
.one { stroke: #cf222e; stroke-dasharray: 4 3; fill: none }
.line { stroke: #0969da; stroke-width: 2; fill: none } .dot { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 }
  .bar { fill: #656c76 } .ours, .dot { fill: #4493f8 } .whisker, .axis { stroke: #9198a1 }
  .one { stroke: #f85149 } .line { stroke: #4493f8 }
}
""".strip()


@dataclass(frozen=True)
class Panel:
    """A part of the drawing: its elements, drawn from 0 downwards, and its height."""

    elements: list[str]
    height: float


def write_chart(record: Record, path: Path = CHART) -> None:
    """Draw a run."""
    path.write_text(draw(record))


def draw(record: Record) -> str:
    """Return the drawing: a panel of bars for each model, and the dial."""
    models = list(dict.fromkeys(point.model for point in record.points))
    panels = [_bars(record, model) for model in models]
    if curves := sweep_ratios(record):
        panels.append(_curves(curves))
    parts, top = [], 10.0
    for panel in panels:
        parts += [f'<g transform="translate(0 {top:g})">', *panel.elements, "</g>"]
        top += panel.height + PANEL_GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:g}" role="img">\n'
        f"<title>Requests a second by contender, and the crossover</title>\n<style>{STYLE}</style>\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bars(record: Record, model: str) -> Panel:
    """Draw a bar a contender: the median, with least and greatest as a whisker."""
    bars = {}
    for name in CONTENDERS:
        points = select(record, model, name, DETAILED_CONNECTIONS)
        if points:
            bars[name] = spread([point.requests_per_s for point in points])
    greatest = max((bar.high for bar in bars.values()), default=1.0)
    title = f"{TITLES[model]}: requests/s at {DETAILED_CONNECTIONS} connections"
    elements = [_text(10, 14, title[0].upper() + title[1:], "head")]
    for index, (name, bar) in enumerate(bars.items()):
        elements += _bar(name, bar, top=26 + index * BAR_STEP, greatest=greatest)
    return Panel(elements, 26 + len(bars) * BAR_STEP - PANEL_GAP / 2)


def _bar(name: str, bar: Spread, *, top: float, greatest: float) -> Iterable[str]:
    def x(value: float) -> float:
        return LABEL_END + (BAR_END - LABEL_END) * value / greatest

    middle = top + BAR_HEIGHT / 2
    kind = "bar ours" if name == "ours" else "bar"
    width = x(bar.middle) - LABEL_END
    yield _text(LABEL_END - 8, middle + 4, name, "head" if name == "ours" else "", anchor="end")
    yield f'<rect class="{kind}" x="{LABEL_END}" y="{top:g}" width="{width:.1f}" height="{BAR_HEIGHT}"/>'
    yield f'<path class="whisker" d="M{x(bar.low):.1f} {middle:g}H{x(bar.high):.1f}"/>'
    yield _text(x(bar.high) + 8, middle + 4, f"{bar.middle:,.0f}")


def _curves(curves: Mapping[float, Sequence[tuple[float, Spread]]]) -> Panel:
    """Draw ours over in-process on all cores by the cost of a call, a line for each cost of a row."""
    points = [point for line in curves.values() for point in line]
    dearest = max(cost for cost, _ in points)
    greatest = max(1.2, *(value.high for _, value in points))
    base = 30.0 + PLOT_HEIGHT

    def place(cost: float, value: float) -> tuple[float, float]:
        return LABEL_END + (BAR_END - LABEL_END) * cost / dearest, base - PLOT_HEIGHT * value / greatest

    level = place(0.0, 1.0)[1]
    elements = [
        _text(10, 14, "The dial: ours / in-process-all, by what the model costs a call and a row", "head"),
        f'<path class="axis" d="M{LABEL_END} 30V{base:g}H{BAR_END}"/>',
        f'<path class="one" d="M{LABEL_END} {level:.1f}H{BAR_END}"/>',
        _text(LABEL_END - 8, level + 4, "1", "small", anchor="end"),
        _text(LABEL_END - 8, 34, f"{greatest:.1f}", "small", anchor="end"),
        *(
            _text(place(cost, 0)[0], base + 16, f"{cost:g}", "small", anchor="middle")
            for cost in sorted({c for c, _ in points})
        ),
        _text((LABEL_END + BAR_END) / 2, base + 34, "µs a call", "small", anchor="middle"),
    ]
    for per_row_us, line in curves.items():
        path = "L".join("{:.1f} {:.1f}".format(*place(cost, value.middle)) for cost, value in line)
        elements.append(f'<path class="line" d="M{path}"/>')
        for cost, value in line:
            x, y = place(cost, value.middle)
            low, high = place(cost, value.low)[1], place(cost, value.high)[1]
            elements.append(f'<path class="whisker" d="M{x:.1f} {low:.1f}V{high:.1f}"/>')
            elements.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        elements.append(_text(BAR_END + 12, place(*_last(line))[1] + 4, f"{per_row_us:g} µs a row", "small"))
    return Panel(elements, base + 34)


def _last(line: Sequence[tuple[float, Spread]]) -> tuple[float, float]:
    cost, value = line[-1]
    return cost, value.middle


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
