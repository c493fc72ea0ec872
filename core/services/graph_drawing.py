"""Draw the pipeline's graph in plain SVG, readable on light and on dark pages.

A step a line, in an order in which each stands below what it reads. What a step reads from the one right above it is a
straight arrow, what it reads from further up runs beside the steps, in a lane for each step that is read. For the few steps
of a pipeline this is easier to follow than a free layout, and needs no layout engine: Graphviz is no Python package.
"""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from xml.sax.saxutils import escape

from core.schemas.graph import GraphStep

WIDTH = 860
BOX_LEFT, BOX_WIDTH, BOX_HEIGHT = 230, 110, 34
STEP_HEIGHT = 62
LANE_WIDTH = 14
TEXT_GAP = 16
TOP = 14
_BOX_RIGHT = BOX_LEFT + BOX_WIDTH
LINE_HEIGHT = 14
_INPUT_CHARACTERS, _SUMMARY_CHARACTERS = 32, 68
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.name { font-weight: 600; text-anchor: middle } .small { font-size: 11px; fill: #57606a } .input { text-anchor: end }
.box { fill: #ddf4ff; stroke: #0969da } .edge { fill: none; stroke: #57606a } .tip { fill: #57606a }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 }
  .box { fill: #0c2d6b; stroke: #4493f8 } .edge { stroke: #9198a1 } .tip { fill: #9198a1 }
}
""".strip()


def draw(steps: Sequence[GraphStep], *, title: str) -> str:
    """Return the drawing.

    Parameters
    ----------
    steps : sequence of GraphStep
        Each after those that it reads.
    title : str
        For who cannot see it.
    """
    rows = {step.name: row for row, step in enumerate(steps)}
    lanes = _lanes(steps)
    text_left = _BOX_RIGHT + (len(lanes) + 1) * LANE_WIDTH + TEXT_GAP
    parts: list[str] = []
    for row, step in enumerate(steps):
        parts += _edges(step, rows, lanes)
        parts += _box(step, row, text_left=text_left)
    height = TOP * 2 + STEP_HEIGHT * (len(steps) - 1) + BOX_HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _lanes(steps: Sequence[GraphStep]) -> dict[str, int]:
    """Give each step that is read from further down a lane of its own; the first to be read runs outermost."""
    above = dict(zip((step.name for step in steps[1:]), (step.name for step in steps), strict=False))
    far = dict.fromkeys(read for step in steps for read in step.reads if read != above.get(step.name))
    order = [step.name for step in steps if step.name in far]
    return {name: len(order) - place for place, name in enumerate(order)}


def _box(step: GraphStep, row: int, *, text_left: int) -> Iterable[str]:
    top = _top(row)
    middle = top + BOX_HEIGHT / 2
    yield f'<rect class="box" x="{BOX_LEFT}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
    yield f'<text class="name" x="{BOX_LEFT + BOX_WIDTH / 2:g}" y="{middle + 5:g}">{escape(step.name)}</text>'
    yield from _lines(wrap(step.summary.replace("`", ""), _SUMMARY_CHARACTERS), "small", x=text_left, middle=middle)
    if step.inputs:
        inputs = wrap(", ".join(step.inputs), _INPUT_CHARACTERS)
        yield from _lines(inputs, "small input", x=BOX_LEFT - TEXT_GAP, middle=middle)
        yield from _arrow(f"M{BOX_LEFT - TEXT_GAP + 4} {middle:g}H{BOX_LEFT}", (BOX_LEFT, middle), (1, 0))


def _lines(lines: Sequence[str], kind: str, *, x: int, middle: float) -> Iterable[str]:
    first = middle + 4 - (len(lines) - 1) * LINE_HEIGHT / 2
    for number, line in enumerate(lines):
        yield f'<text class="{kind}" x="{x}" y="{first + number * LINE_HEIGHT:g}">{escape(line)}</text>'


def _edges(step: GraphStep, rows: dict[str, int], lanes: dict[str, int]) -> Iterable[str]:
    row = rows[step.name]
    for read in step.reads:
        if rows[read] == row - 1:
            x, top = BOX_LEFT + BOX_WIDTH / 2, _top(row)
            yield from _arrow(f"M{x:g} {_top(row - 1) + BOX_HEIGHT}V{top}", (x, top), (0, 1))
        else:
            start, end = _top(rows[read]) + BOX_HEIGHT / 2, _top(row) + BOX_HEIGHT / 2 + _shift(lanes[read], lanes)
            x = _BOX_RIGHT + lanes[read] * LANE_WIDTH
            yield from _arrow(f"M{_BOX_RIGHT} {start:g}H{x}V{end:g}H{_BOX_RIGHT}", (_BOX_RIGHT, end), (-1, 0))


def _shift(lane: int, lanes: dict[str, int]) -> float:
    """Part the arrow heads of several lanes below the middle of a box, where its own lane begins."""
    return lane * (BOX_HEIGHT / 2 - 2) / (len(lanes) + 1)


def _arrow(path: str, tip: tuple[float, float], direction: tuple[int, int]) -> Iterable[str]:
    (x, y), (right, down) = tip, direction
    back, side = (x - 6 * right, y - 6 * down), (3 * down, 3 * right)
    corners = (tip, (back[0] + side[0], back[1] + side[1]), (back[0] - side[0], back[1] - side[1]))
    yield f'<path class="edge" d="{path}"/>'
    yield f'<path class="tip" d="M{"L".join(f"{a:g} {b:g}" for a, b in corners)}Z"/>'


def _top(row: int) -> int:
    return TOP + row * STEP_HEIGHT
