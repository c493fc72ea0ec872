"""Trials of a family with an optional column, as a model sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import polars as pl
import pytest
from pydantic import BaseModel, Field

from core.handlers.base import BaseHandler
from core.handlers.evaluation import Champion
from core.handlers.examples import Examples
from core.handlers.measurement import Rehearsal, Trial
from core.schemas.evaluation import Measurement

ROWS = 2_000
RANDOM = np.random.default_rng(11)
MILES, HOUR = RANDOM.uniform(1, 20, ROWS), RANDOM.integers(0, 24, ROWS).astype(float)
LABELS = 2 * MILES + HOUR


class Row(BaseModel):
    miles: Annotated[float, Field(ge=0, le=100)]
    hour: Annotated[float, Field(ge=0, le=24)] = 12.0


class Handler(BaseHandler):
    row = Row
    example: ClassVar[Mapping[str, list[Any]]] = {"miles": [3.0]}
    unit = "min"


@dataclass
class Model:
    pace: float = 2.0
    uses_hour: bool = True

    def transform(self, columns: Mapping[str, Any]) -> Any:
        hour = columns.get("hour") if self.uses_hour else None
        return self.pace * columns["miles"] + (11.5 if hour is None else hour)

    def weights(self) -> Mapping[str, float]:
        return {"pace": self.pace}


def examples(rows: int = ROWS) -> Examples:
    return Examples(columns={"miles": MILES[:rows], "hour": HOUR[:rows]}, labels=LABELS[:rows])


def measure(model: Model, champion: Model | None = None, rehearsal: Rehearsal | None = None) -> Measurement:
    slices = pl.DataFrame({"half": ["a"] * (ROWS // 2) + ["b"] * (ROWS // 2)})
    known = None if champion is None else Champion(version="old", predictor=champion, training_sha256=frozenset())
    trial = Trial(
        handler=Handler(),
        candidate=model,
        champion=known,
        examples=examples(),
        slices=slices,
        tested=set(),
        rehearsal=rehearsal,
    )
    return trial.measure()


def test_each_optional_column_is_a_variant_that_is_measured_without_it() -> None:
    measured = measure(Model(), Model(uses_hour=False))
    assert measured.rmse == pytest.approx(0)
    (name, variant), *others = measured.variants.items()
    assert (name, others) == ("without hour", [])
    assert variant.rmse == pytest.approx(np.std(HOUR), rel=0.01)
    assert variant.comparison is not None
    assert variant.comparison.difference == 0
    assert measured.comparison is not None
    assert measured.comparison.difference == pytest.approx(-variant.rmse)


def test_slices_of_a_variant_are_its_own() -> None:
    measured = measure(Model())
    assert set(measured.slices["half"]) == {"a", "b"}
    assert measured.slices["half"]["a"].rmse == pytest.approx(0)
    assert measured.variants["without hour"].slices["half"]["a"].rmse > 1


def test_the_standard_error_of_a_slice_is_that_of_its_trips() -> None:
    part = measure(Model(pace=2.1), Model(uses_hour=False)).slices["half"]["a"]
    half = slice(0, ROWS // 2)
    ours, theirs = 0.1 * MILES[half], 11.5 - HOUR[half]
    both = np.sqrt(np.mean(ours**2)) + np.sqrt(np.mean(theirs**2))
    assert part.standard_error == pytest.approx(np.std(ours**2 - theirs**2) / np.sqrt(ROWS / 2) / both)


def test_models_that_are_both_right_have_slices_without_a_standard_error() -> None:
    assert measure(Model(), Model()).slices["half"]["a"].standard_error == 0


def test_the_rehearsal_is_measured_on_its_own_days_with_and_without_the_column() -> None:
    measured = measure(Model(), rehearsal=Rehearsal(predictor=Model(), examples=examples(100)))
    assert measured.validation_rmse == pytest.approx(0)
    without = measured.variants["without hour"].validation_rmse
    assert without == pytest.approx(np.sqrt(np.mean((HOUR[:100] - 11.5) ** 2)))
    assert measure(Model()).validation_rmse is None


def test_what_both_models_rely_on_and_how_far_their_weights_lie_apart_is_told() -> None:
    measured = measure(Model(), Model(pace=1.0, uses_hour=False))
    assert measured.importances["hour"].candidate > 1
    assert measured.importances["hour"].champion == 0
    assert measured.weights is not None
    assert measured.weights.relative_shift == pytest.approx(1.0)
    assert (measured.unit, len(measured.portrait.calibration)) == ("min", 20)
    assert measure(Model()).weights is None
