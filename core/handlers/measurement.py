"""Measure: errors of a candidate and the champion on the same rows, from all columns and from fewer."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.handlers.base import BaseHandler
from core.handlers.evaluation import Champion, Predictions, compare, rmse, slices
from core.handlers.examples import Examples
from core.handlers.importance import importances
from core.handlers.portrait import portray
from core.handlers.predictor import Predictor
from core.handlers.weights import weight_shift
from core.schemas.evaluation import Figures, Importance, Measurement

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """The same design, fitted without the last days of training, and those days."""

    predictor: Predictor
    examples: Examples


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is measured on what.

    Parameters
    ----------
    handler : BaseHandler
        Of the family.
    candidate : Predictor
        The new model.
    champion : Champion or None
        The version that answers today.
    examples : Examples
        Test rows.
    slices : polars.DataFrame
        The parts that each row is measured in, (n_rows, n_dimensions).
    tested : set of str
        SHA-256 of the files that the test rows came from.
    rehearsal : Rehearsal or None
        None where there are no days of validation.
    """

    handler: BaseHandler
    candidate: Predictor
    champion: Champion | None
    examples: Examples
    slices: pl.DataFrame
    tested: Set[str]
    rehearsal: Rehearsal | None

    def measure(self) -> Measurement:
        """Measure everything: errors of all variants, and how the candidate differs from the champion."""
        variants = {name: self._figures(dropped) for name, dropped in self.handler.variants().items()}
        champion = None if self.champion is None else self.champion.predictor
        return Measurement(
            **dict(self._figures()),
            variants=variants,
            unit=self.handler.unit,
            importances=self._importances(champion),
            weights=None if champion is None else weight_shift(self.candidate, champion),
            portrait=portray(self._predict(self.candidate, self.examples.columns), self.examples.labels),
        )

    def _figures(self, dropped: Sequence[str] = ()) -> Figures:
        """Measure without some columns, as for callers who leave them out."""
        columns = _without(self.examples.columns, dropped)
        predictions = Predictions(
            labels=self.examples.labels,
            candidate=self._predict(self.candidate, columns),
            champion=None if self.champion is None else self._predict(self.champion.predictor, columns),
        )
        errors = predictions.candidate - predictions.labels
        return Figures(
            rows=len(errors),
            rmse=rmse(errors),
            mae=float(np.mean(np.abs(errors))),
            bias=float(np.mean(errors)),
            validation_rmse=self._validated(dropped),
            comparison=None if self.champion is None else compare(predictions, self.champion, tested=self.tested),
            slices=slices(self.slices, predictions),
        )

    def _validated(self, dropped: Sequence[str]) -> float | None:
        if self.rehearsal is None:
            return None
        late = self.rehearsal.examples
        return rmse(self._predict(self.rehearsal.predictor, _without(late.columns, dropped)) - late.labels)

    def _importances(self, champion: Predictor | None) -> dict[str, Importance]:
        columns, labels = self.examples.columns, self.examples.labels
        ours = importances(lambda given: self._predict(self.candidate, given), columns, labels)
        theirs = {} if champion is None else importances(lambda given: self._predict(champion, given), columns, labels)
        return {name: Importance(candidate=value, champion=theirs.get(name)) for name, value in ours.items()}

    def _predict(self, predictor: Predictor, columns: Columns) -> NDArray[np.float64]:
        return self.handler.predict(predictor, columns)


def _without(columns: Columns, dropped: Sequence[str]) -> Columns:
    return {name: values for name, values in columns.items() if name not in dropped}
