"""What a model card draws: calibration and residuals."""

import numpy as np
from numpy.typing import NDArray

from core.schemas.evaluation import CalibrationBin, Portrait, Residuals

FloatArray = NDArray[np.float64]

CALIBRATION_BINS = 20
SMALLEST_REACH = 1e-30
"""Of the histogram, where there are no errors."""
RESIDUAL_BINS = 40
SHOWN = (0.005, 0.995)
"""Quantiles of the residuals between which the histogram's edges lie; the outer bins hold the rest."""


def portray(predictions: FloatArray, labels: FloatArray) -> Portrait:
    """Summarise predictions and labels, (n_rows,) each, to what can be drawn."""
    return Portrait(calibration=calibration(predictions, labels), residuals=residuals(predictions - labels))


def calibration(predictions: FloatArray, labels: FloatArray) -> list[CalibrationBin]:
    """Return the means of prediction and label in bins of equally many rows, from low to high predictions."""
    order = np.argsort(predictions, kind="stable")
    parts = [part for part in np.array_split(order, CALIBRATION_BINS) if len(part)]
    return [
        CalibrationBin(rows=len(part), predicted=float(predictions[part].mean()), actual=float(labels[part].mean()))
        for part in parts
    ]


def residuals(errors: FloatArray) -> Residuals:
    """Return a histogram of errors, prediction less label."""
    low, high = np.quantile(errors, SHOWN)
    reach = max(abs(float(low)), abs(float(high)), SMALLEST_REACH)
    counts, edges = np.histogram(np.clip(errors, -reach, reach), bins=RESIDUAL_BINS, range=(-reach, reach))
    return Residuals(edges=[float(f"{edge:.6g}") for edge in edges], rows=counts.tolist())
