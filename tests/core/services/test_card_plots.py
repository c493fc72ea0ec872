import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from core.schemas.evaluation import CalibrationBin, Residuals
from core.services.card_plots import calibration_plot, residual_plot

BINS = [CalibrationBin(rows=10, predicted=float(minutes), actual=minutes + 0.5) for minutes in range(1, 20)]
RESIDUALS = Residuals(edges=np.linspace(-5, 5, 11).tolist(), rows=list(range(10)))


@pytest.mark.parametrize(
    "plot", [lambda: calibration_plot(BINS, unit="min"), lambda: residual_plot(RESIDUALS, unit="min")]
)
def test_a_drawing_is_small_svg_with_its_unit_and_the_same_bytes_whatever_the_users_style(
    plot: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = plot()  # type: ignore[operator]
    root = ET.fromstring(drawn)  # noqa: S314 (our own)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "(min)" in "".join(root.itertext())
    assert len(drawn) < 30_000
    monkeypatch.setitem(mpl.rcParams, "axes.facecolor", "black")
    assert plot() == drawn  # type: ignore[operator]


def test_figures_that_move_change_the_drawing() -> None:
    moved = [part.model_copy(update={"actual": 0.0}) for part in BINS]
    assert calibration_plot(moved, unit="min") != calibration_plot(BINS, unit="min")


def test_a_label_without_a_unit_is_drawn_without_brackets() -> None:
    assert b"()" not in residual_plot(RESIDUALS, unit="")
