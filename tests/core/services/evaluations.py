"""Evaluations with what a test is about, and nothing remarkable else."""

from typing import Any

from core.schemas.evaluation import Comparison, Evaluation, Figures, Portrait, Residuals, Slice, Verdict


def comparison(difference: float = 0.0, standard_error: float = 0.1, **values: Any) -> Comparison:
    """Return a comparison with a champion of 5 minutes."""
    quiet: dict[str, Any] = {"champion_saw_test_data": False, "prediction_shift": {}, "stability_index": 0.0, "ks": 0.0}
    return Comparison(
        champion="old",
        champion_rmse=5.0,
        difference=difference,
        standard_error=standard_error,
        **{**quiet, **values},
    )


def figures(rmse: float = 5.0, compared: Comparison | None = None, **slices: dict[str, Slice]) -> Figures:
    """Return figures of a variant."""
    return Figures(
        rows=1000,
        rmse=rmse,
        mae=3.0,
        bias=0.0,
        validation_rmse=None,
        comparison=compared,
        slices=slices,
    )


def evaluation(main: Figures | None = None, **values: Any) -> Evaluation:
    """Return an evaluation."""
    quiet: dict[str, Any] = {
        "variants": {},
        "unit": "min",
        "importances": {},
        "weights": None,
        "portrait": Portrait(calibration=[], residuals=Residuals(edges=[], rows=[])),
        "verdict": Verdict(passed=True, reasons=()),
    }
    return Evaluation(**{**(main or figures()).model_dump(), **quiet, **values})


def part(behind: float, *, rows: int = 1000, standard_error: float = 0.1) -> Slice:
    """Return a slice whose champion has 5 minutes."""
    return Slice(rows=rows, rmse=5.0 + behind, champion_rmse=5.0, standard_error=standard_error)
