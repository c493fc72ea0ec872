"""The sections of a model card that show figures."""

import math
import re
from collections.abc import Iterator, Mapping

from core.schemas.evaluation import Comparison, Evaluation, Figures, Slice, Verdict
from core.schemas.gate_limits import GateLimits
from core.services.markdown import number, table
from core.services.regression import importance_shares


def errors(evaluation: Evaluation) -> str:
    """Return the errors from all columns and from fewer, beside the champion's."""
    head = ("columns", "rows", "RMSE", "champion", "difference", "mean absolute error", "bias", "validation RMSE")
    told: Mapping[str, Figures] = {"all": evaluation, **evaluation.variants}
    return table(head, ((name, *_row(figures)) for name, figures in told.items()))


def gate(verdict: Verdict, limits: GateLimits) -> Iterator[str]:
    """Return what the gate said, and the limits that it applied."""
    yield f"The gate: {'passed' if verdict.passed else '; '.join(verdict.reasons)}."
    if verdict.warnings:
        yield "Unlike the champion:\n\n" + "\n".join(f"- {warning}" for warning in verdict.warnings)
    yield table(("limit", "value"), _limits(limits.model_dump()))


def slices(variants: Mapping[str, Figures]) -> Iterator[str]:
    """Return a table for each dimension; the name of a variant stands before its columns."""
    for dimension in variants[""].slices:
        head = [dimension, "rows"]
        for name in variants:
            head += [f"{name} RMSE".strip(), f"{name} champion".strip()]
        parts = {name: figures.slices.get(dimension, {}) for name, figures in variants.items()}
        ordered = sorted(parts[""].items(), key=lambda item: _place(item[0]))
        yield table(head, ((value, f"{part.rows:,}", *_of(parts, value)) for value, part in ordered))


def relied_on(evaluation: Evaluation) -> Iterator[str]:
    """Return the importance of each column, and how far the weights moved."""
    shares = importance_shares(evaluation.importances)
    yield "By how much the RMSE grows when the values of a column are shuffled among the test rows:"
    rows = (
        (
            f"`{name}`",
            number(importance.candidate),
            number(importance.champion),
            " / ".join(f"{share:.0%}" for share in shares.get(name, ())) or "-",
        )
        for name, importance in evaluation.importances.items()
    )
    yield table(("column", "this version", "champion", "share / champion's share"), rows)
    shift = evaluation.weights
    if shift is not None:
        yield (
            f"Of its weights {shift.shared:,} are the champion's too, {shift.appeared:,} are new and {shift.vanished:,}"
            f" are gone; the shared ones moved by {shift.relative_shift:.3f} of their size."
        )


def distribution(comparison: Comparison | None) -> Iterator[str]:
    """Return how the predictions lie beside the champion's; nothing without one."""
    if comparison is None:
        return
    yield f"## Predictions beside those of {comparison.champion}"
    if comparison.champion_saw_test_data:
        yield "The champion learnt from a file that the test rows came from: its figures flatter it."
    yield f"Population stability index {comparison.stability_index:.3f}, Kolmogorov-Smirnov {comparison.ks:.3f}."
    shifts = comparison.prediction_shift
    yield table(
        ("quantile of the predictions", *shifts), [("shift", *(number(it, sign=True) for it in shifts.values()))]
    )


def _row(figures: Figures) -> tuple[str, ...]:
    compared = figures.comparison
    champion = number(None if compared is None else compared.champion_rmse)
    difference = "-"
    if compared is not None:
        difference = f"{number(compared.difference, sign=True)} ± {number(compared.standard_error)}"
    return (f"{figures.rows:,}", number(figures.rmse), champion, difference, number(figures.mae),
            number(figures.bias, sign=True), number(figures.validation_rmse))  # fmt: skip


def _place(value: str) -> tuple[float, str]:
    """Order bands by the number that they begin with, and names after them."""
    start = re.match(r"\d+(\.\d+)?", value)
    return (float(start[0]) if start else math.inf, value)


def _of(parts: Mapping[str, Mapping[str, Slice]], value: str) -> Iterator[str]:
    for slices_of in parts.values():
        part = slices_of.get(value)
        yield from ("-", "-") if part is None else (number(part.rmse), number(part.champion_rmse))


def _limits(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _limits(value, f"{prefix}{name}: ")
        elif value is not None:
            yield f"{prefix}{name}", str(value)
