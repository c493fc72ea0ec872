"""The drawings of a model card, as SVG: the same figures give the same bytes."""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from core.schemas.evaluation import CalibrationBin, Residuals

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (5.2, 3.4)
OURS, GUIDE = "#0969da", "#8c959f"
STYLE = {"svg.hashsalt": "tripcast", "svg.fonttype": "none", "font.size": 9.0, "axes.spines.top": False,
         "axes.spines.right": False}  # fmt: skip
METADATA = {"Date": None, "Creator": "tripcast"}


def calibration_plot(bins: list[CalibrationBin], *, unit: str) -> bytes:
    """Draw the mean label over the mean prediction: a model that is right on average lies on the diagonal."""
    predicted, actual = [part.predicted for part in bins], [part.actual for part in bins]
    ends = [min([*predicted, *actual, 0.0]), max([*predicted, *actual, 0.0])]

    def draw(axes: "Axes") -> None:
        axes.plot(ends, ends, color=GUIDE, linestyle="--", linewidth=1)
        axes.plot(predicted, actual, color=OURS, marker="o", markersize=3, linewidth=1)
        axes.set_xlabel(f"predicted{_in(unit)}, mean of a bin")
        axes.set_ylabel(f"actual{_in(unit)}, mean of a bin")

    return _svg(draw)


def residual_plot(residuals: Residuals, *, unit: str) -> bytes:
    """Draw the histogram of the errors; its outer bars hold all that lies further out."""

    def draw(axes: "Axes") -> None:
        axes.stairs(residuals.rows, residuals.edges, fill=True, color=OURS)
        axes.axvline(0, color=GUIDE, linestyle="--", linewidth=1)
        axes.set_xlabel(f"predicted less actual{_in(unit)}")
        axes.set_ylabel("rows")

    return _svg(draw)


def _in(unit: str) -> str:
    return f" ({unit})" if unit else ""


def _svg(draw: Callable[["Axes"], None]) -> bytes:
    # matplotlib takes half a second to import, and only a registration draws. Without pyplot, which keeps every figure
    # and looks for a screen.
    from matplotlib import style  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    target = BytesIO()
    with style.context(["default", STYLE]):  # whatever the user's own configuration says
        figure = Figure(figsize=SIZE_INCHES, layout="tight")
        draw(figure.add_subplot())
        figure.savefig(target, format="svg", metadata=METADATA)
    return target.getvalue()
