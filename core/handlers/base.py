"""The template that every handler fits: data in, predictions out.

What all families share is written here; what differs is a hook, and a family overrides those that it needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from core.handlers.batch import Columns, serve_rows
from core.handlers.columns import check_columns, check_rows, column_rules
from core.handlers.design import Design
from core.handlers.examples import Examples
from core.handlers.predictor import Predictor
from core.schemas.manifest import GoldenRows
from core.schemas.outcome import BatchOutcome
from core.schemas.snapshot import Taxi
from core.utilities.array_device import ArrayDevice
from core.utilities.errors import ArtifactError, DataError, FeatureError

if TYPE_CHECKING:  # a worker, which imports this module, never trains and does without polars
    import polars as pl

    from core.handlers.source import Source

FloatArray = NDArray[np.float64]
Features = Callable[[Columns], Mapping[str, NDArray[Any]]]

GOLDEN_SEEN = 16
GOLDEN_UNSEEN = 8


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """What training leaves: the predictor, and everything that its manifest says.

    Parameters
    ----------
    predictor : Predictor
        Fitted; it is pickled into the artifact.
    label : str
        The readable start of the version id.
    training_data : dict of str to str
        SHA-256 of each training file, by file name.
    parameters, metrics : dict
        JSON values.
    golden_rows : GoldenRows
        Rows with their predictions, as ``serve`` gave them.
    artifact : bytes, optional
        The pickle that the predictor was read from: pickled anew, the same model has other bytes.
    """

    predictor: Predictor
    label: str
    training_data: dict[str, str]
    parameters: dict[str, Any]
    metrics: dict[str, Any]
    golden_rows: GoldenRows
    artifact: bytes | None = None


class BaseHandler:
    """Moves data between the outside and a model family. A handler is built without arguments.

    A family sets the class variables and overrides hooks. Serving needs ``row`` and ``example``; training needs
    ``designs``, ``label`` and ``sources`` too. A family that only transforms has ``sources`` and ``transform``, and no
    designs: its runs end with a table.
    """

    row: ClassVar[type[BaseModel]]
    """Schema of one row; its fields are the features."""
    example: ClassVar[Mapping[str, list[Any]]]
    """A batch of one row that every model of this family must be able to predict."""
    designs: ClassVar[Mapping[str, Design]] = {}
    """By name; the first is the default."""
    artifact_classes: ClassVar[Sequence[str]] = ()
    """Our own classes that an artifact of this family may name, ``module.Class`` each."""
    label: ClassVar[str] = ""
    """Column of the prepared rows that is to be predicted."""
    unit: ClassVar[str] = ""
    """Of the label, as names end with it: ``min`` for minutes."""
    slice_columns: ClassVar[Sequence[str]] = ()
    """Columns of the prepared rows that ``slices`` reads, beside the features."""

    def __init__(self) -> None:
        self._rules = column_rules(self.row)
        self._added: dict[str, Design] = {}

    # Serving.

    def adapt(self, loaded: object) -> Predictor:
        """Turn what an artifact held into a predictor: an object with a method ``transform(columns)``.

        Raises
        ------
        ArtifactError
            If it is nothing that this family can serve.
        """
        match loaded:
            case object(transform=method) if callable(method):
                return loaded  # duck-typed: it has what Predictor asks for
        raise ArtifactError("the pickle holds no object with transform")

    def features(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Turn raw columns into what a team's own model reads; the family's own designs have theirs."""
        return {
            rule.name: np.array(columns[rule.name], dtype=rule.dtype) for rule in self._rules if rule.name in columns
        }

    def post_process(self, predictions: FloatArray) -> FloatArray:
        """Bring finite predictions into the units and bounds in which they leave, (n_rows,) float64."""
        return predictions

    def on_device(self, predictor: Predictor, device: ArrayDevice) -> Predictor | None:
        """Return the same model for a device such as a GPU, or None where it has no form for one.

        A model declares it by a method ``on_device(device)``, a team's own too. What that gives has a ``transform`` which
        reads the same columns and leaves them as they are.
        """
        declared = getattr(predictor, "on_device", None)
        form: Predictor | None = declared(device) if callable(declared) else None
        return form

    def serve(self, predictor: Predictor, columns: Columns, *, by: Predictor | None = None) -> BatchOutcome:
        """Predict rows as they come off the wire, ``by`` another form of the predictor if one is given.

        See :func:`core.handlers.batch.serve_rows`.
        """
        prepare = self._features_of(predictor)
        return serve_rows(by or predictor, columns, rules=self._rules, prepare=prepare, finish=self.post_process)

    def features_of(self, predictor: Predictor, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Return what a predictor reads of valid rows."""
        return self._features_of(predictor)(columns)

    def predict(self, predictor: Predictor, columns: Mapping[str, NDArray[Any]]) -> FloatArray:
        """Predict valid rows as they are served, (n_rows,) float64."""
        features = self._features_of(predictor)(columns)
        return self.post_process(np.asarray(predictor.transform(features), dtype=np.float64))

    def prepare(self, predictor: Predictor, columns: Columns) -> Mapping[str, list[Any]]:
        """Tell what a predictor looks at in rows as they come off the wire, by name; None where something is missing.

        Raises
        ------
        FeatureError
            If a column or a value is not what the family takes.
        """
        check_columns(columns, self._rules)
        errors = check_rows(columns, self._rules)
        if errors:
            raise FeatureError(next(iter(errors.values())).detail)
        return {name: _as_json(values) for name, values in self.shown(predictor, columns).items()}

    def shown(self, predictor: Predictor, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Return what ``prepare`` shows of checked rows: what the predictor's ``transform`` takes."""
        return self._features_of(predictor)(columns)

    # Training.

    def sources(self) -> Mapping[Taxi, "Source"]:
        """Return where the family's rows come from; imported here, as a worker does without its libraries."""
        raise DataError(f"{type(self).__name__} has no training data")

    def add_design(self, name: str, design: Design) -> None:
        """Offer a design that is not the family's own, such as a team's."""
        self._added[name] = design

    @property
    def trains(self) -> bool:
        """Whether there is a design to train; else the family only transforms."""
        return bool(self.designs or self._added)

    def design(self, name: str | None) -> tuple[str, Design]:
        """Return a design and its name; None stands for the default.

        Raises
        ------
        DataError
            If the family has none of that name.
        """
        offered = {**self.designs, **self._added}
        chosen = name or next(iter(offered), "")
        if chosen not in offered:
            raise DataError(f"no design is called {chosen!r}; there are: {', '.join(offered) or 'none'}")
        return chosen, offered[chosen]

    def transform(self, rows: "pl.LazyFrame") -> "pl.LazyFrame":
        """Derive from the prepared rows of all files what the next step reads; a family without designs ends here."""
        return rows

    def examples(self, rows: "pl.LazyFrame") -> Examples:
        """Take the raw columns and the labels from prepared rows."""
        frame = rows.select(*self.row.model_fields, self.label).collect()
        columns = {name: frame[name].to_numpy() for name in self.row.model_fields}
        return Examples(columns=columns, labels=frame[self.label].to_numpy())

    def train(
        self,
        training: Examples,
        evaluation: Examples,
        *,
        label: str,
        design: str | None = None,
        training_data: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> TrainedModel:
        """Fit a design to valid rows, and measure it on both sets.

        Parameters
        ----------
        training, evaluation : Examples
            The second are only measured on.
        label : str
            What the version id starts with, such as the month.
        design : str, optional
            Name of the design; by default the family's first.
        training_data : mapping of str to str, optional
            SHA-256 of each file that the training rows came from, by name.
        parameters : mapping, optional
            JSON values that decided which rows these are.

        Raises
        ------
        DataError
            If the family has no such design.
        """
        name, chosen = self.design(design)
        predictor = chosen.fit(training.columns, training.labels)
        return TrainedModel(
            predictor=predictor,
            label=f"{label}-{name.rpartition('.')[2]}",
            training_data=dict(training_data or {}),
            parameters={**chosen.parameters, **(parameters or {})},
            metrics={"training": self.measure(predictor, training), "evaluation": self.measure(predictor, evaluation)},
            golden_rows=self.golden_rows(predictor, training, evaluation),
        )

    def measure(self, predictor: Predictor, examples: Examples) -> dict[str, Any]:
        """Return the figures of the manifest: ``rows``, and the root mean squared error in the label's unit."""
        return self.errors_told(self.predict(predictor, examples.columns) - examples.labels)

    def knows(self, predictor: Predictor, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_] | None:
        """Tell for each row whether training saw its like, (n_rows,) bool; None where the predictor cannot tell."""
        del predictor, columns
        return None

    def slices(self, rows: "pl.DataFrame", predictor: Predictor) -> "pl.DataFrame":
        """Return the parts that each prepared row is measured in: one text column a dimension, (n_rows, n)."""
        del predictor
        return rows.select()

    def variants(self) -> Mapping[str, Sequence[str]]:
        """Return sets of columns that an evaluation leaves out, by name: each optional column, unless overridden."""
        fields = self.row.model_fields.items()
        return {f"without {name}": (name,) for name, field in fields if not field.is_required()}

    def golden_rows(self, predictor: Predictor, training: Examples, evaluation: Examples) -> GoldenRows:
        """Take the example, rows spread over the training data, and rows whose like it does not have."""
        known = self.knows(predictor, evaluation.columns)
        unseen = np.flatnonzero(np.zeros(0) if known is None else ~known)
        picks = (
            (training, np.linspace(0, len(training.labels) - 1, GOLDEN_SEEN, dtype=np.int64)),
            (evaluation, unseen[:: max(1, len(unseen) // GOLDEN_UNSEEN)][:GOLDEN_UNSEEN]),
        )
        columns = {
            name: [*first, *(value for source, rows in picks for value in self.as_sent(source.columns[name][rows]))]
            for name, first in self.example.items()
        }
        predictions = self.serve(predictor, columns).predictions
        return GoldenRows(columns=columns, predictions=[value for value in predictions if value is not None])

    def as_sent(self, values: NDArray[Any]) -> list[Any]:
        """Return raw values of a column as they come in a request: JSON values."""
        sent: list[Any] = values.tolist()
        return sent

    def errors_told(self, errors: FloatArray) -> dict[str, Any]:
        """Return the figures of some errors, (n_rows,), under names that end with the unit."""
        name = f"rmse_{self.unit}" if self.unit else "rmse"
        return {"rows": len(errors), name: float(np.sqrt(np.mean(errors**2))) if len(errors) else None}

    def _features_of(self, predictor: Predictor) -> Features:
        for design in self.designs.values():
            if isinstance(predictor, design.predictor):
                return design.features
        return self.features


def _as_json(values: NDArray[Any]) -> list[Any]:
    """Return an array as JSON values: times as texts, and None for what is missing."""
    if values.dtype.kind == "M":
        texts = values.astype("datetime64[s]").astype(str).tolist()
        return [None if text == "NaT" else text for text in texts]
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 (NaN alone is not itself)
