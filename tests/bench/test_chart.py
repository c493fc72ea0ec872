from xml.etree import ElementTree as ET

from bench.chart import draw
from tests.bench.records import dial_points, point, record

SVG = "{http://www.w3.org/2000/svg}"


def test_the_drawing_is_well_formed_and_has_a_bar_a_contender() -> None:
    points = [point(name, rate, model=model) for model in ("linear", "trees") for name, rate in RATES.items()]

    root = ET.fromstring(draw(record(*points)))  # noqa: S314 (our own text)

    assert root.tag == f"{SVG}svg"
    widths = [float(bar.get("width", "0")) for bar in root.iter(f"{SVG}rect")]
    assert widths == [490.0, 245.0] * 2
    assert {"echo", "ours", "2,000", "1,000"} <= {text.text for text in root.iter(f"{SVG}text")}


def test_the_dial_is_a_line_for_each_cost_of_a_row() -> None:
    dial = [*dial_points({0.0: 0.5, 100.0: 2.0}), *dial_points({0.0: 0.1, 100.0: 0.2}, per_row_us=200.0)]

    root = ET.fromstring(draw(record(dial=dial)))  # noqa: S314 (our own text)

    assert len([path for path in root.iter(f"{SVG}path") if path.get("class") == "line"]) == 2
    assert {"2 µs a row", "200 µs a row"} <= {text.text for text in root.iter(f"{SVG}text")}


def test_it_has_colours_for_dark_pages() -> None:
    assert "prefers-color-scheme: dark" in draw(record(point("ours", 1.0)))


RATES = {"echo": 2000.0, "ours": 1000.0}
