"""What every model of the catalog promises: one small check each.

A check takes a loaded model and its catalog entry, and raises AssertionError if the promise is broken. The rows it
uses are the golden rows of the version, so a new model is checked without a line of its own.
"""

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.managers.acceleration import accelerate
from core.managers.accelerator import Accelerator
from core.managers.artifacts import LoadedModel, check_golden_rows
from core.schemas.catalog import CatalogEntry
from core.schemas.manifest import GoldenRows
from core.schemas.outcome import RowErrorCode
from tests.devices import numpy_device, strict_device

Check = Callable[[LoadedModel, CatalogEntry], None]
THREADS = 4


def golden(model: LoadedModel) -> GoldenRows:
    """Return the golden rows of a version."""
    assert model.manifest is not None
    return model.manifest.golden_rows


def first_row(model: LoadedModel) -> dict[str, list[Any]]:
    """Return a batch of one row."""
    return {name: values[:1] for name, values in golden(model).columns.items()}


def check_is_of_its_entry(model: LoadedModel, entry: CatalogEntry) -> None:
    """Its manifest names the model and describes exactly the row schema of the catalog."""
    assert model.name == entry.model
    assert model.manifest is not None
    assert model.manifest.feature_schema == entry.row.model_json_schema()


def check_predicts_its_golden_rows(model: LoadedModel, entry: CatalogEntry) -> None:
    """It predicts what it predicted when it was stored."""
    assert len(golden(model).predictions) >= 1
    check_golden_rows(model, golden(model))


def check_predicts_the_example_of_the_documentation(model: LoadedModel, entry: CatalogEntry) -> None:
    """The request that `/docs` shows has an answer."""
    (example,) = entry.request.model_json_schema()["examples"]
    outcome = model.predict({name: [example[name]] for name in entry.features if name in example})
    assert outcome.errors == {}
    assert isinstance(outcome.predictions[0], float)


def check_predicts_the_example_of_its_handler(model: LoadedModel, entry: CatalogEntry) -> None:
    """The handler's example, which a bare pickle is tried on, is a row of the catalog's schema."""
    example = model.handler.example
    entry.row.model_validate({name: values[0] for name, values in example.items()})
    assert model.predict(example).errors == {}


def check_gives_plain_floats(model: LoadedModel, entry: CatalogEntry) -> None:
    """Predictions are JSON numbers, not numpy's."""
    assert {type(value) for value in model.predict(golden(model).columns).predictions} == {float}


def check_measures_its_steps(model: LoadedModel, entry: CatalogEntry) -> None:
    """It tells how long features and prediction took."""
    outcome = model.predict(first_row(model))
    assert outcome.features_ms > 0
    assert outcome.predict_ms > 0


def check_row_does_not_depend_on_its_batch(model: LoadedModel, entry: CatalogEntry) -> None:
    """A row is answered alike alone, in a batch, and in a batch of another order."""
    columns = golden(model).columns
    batch = model.predict(columns).predictions
    alone = [
        model.predict({name: [values[row]] for name, values in columns.items()}).predictions[0]
        for row in range(len(batch))
    ]
    turned = model.predict({name: values[::-1] for name, values in columns.items()}).predictions
    assert alone == batch
    assert turned[::-1] == batch


def check_leaves_its_input_alone(model: LoadedModel, entry: CatalogEntry) -> None:
    """Predicting changes neither the columns nor the next answer."""
    columns = copy.deepcopy(golden(model).columns)
    assert model.predict(columns).predictions == model.predict(columns).predictions
    assert columns == golden(model).columns


def check_is_safe_in_threads(model: LoadedModel, entry: CatalogEntry) -> None:
    """Many threads at once get the answers of one."""
    columns = golden(model).columns
    wanted = model.predict(columns).predictions
    with ThreadPoolExecutor(THREADS) as pool:
        answers = pool.map(lambda _: model.predict(columns).predictions, range(50 * THREADS))
        assert all(answer == wanted for answer in answers)


def check_answers_an_empty_batch(model: LoadedModel, entry: CatalogEntry) -> None:
    """No rows, no predictions, no error."""
    outcome = model.predict({name: [] for name in entry.features})
    assert outcome.predictions == []
    assert outcome.errors == {}


def check_refuses_a_missing_column(model: LoadedModel, entry: CatalogEntry) -> None:
    """Without one of its columns every row is invalid, never an intercept."""
    for name in entry.row.model_json_schema()["required"]:
        columns = {key: values for key, values in golden(model).columns.items() if key != name}
        outcome = model.predict(columns)
        assert set(outcome.predictions) <= {None}
        assert {error.code for error in outcome.errors.values()} <= {RowErrorCode.INVALID_ROW}
        assert len(outcome.errors) == len(outcome.predictions)


def check_refuses_an_unknown_column(model: LoadedModel, entry: CatalogEntry) -> None:
    """A column that it does not know makes every row invalid: it may be a misspelt one."""
    columns = {**first_row(model), "no_such_feature": [1.0]}
    outcome = model.predict(columns)
    assert outcome.predictions == [None]
    assert outcome.errors[0].code is RowErrorCode.INVALID_ROW


def check_wrong_value_fails_its_row_alone(model: LoadedModel, entry: CatalogEntry) -> None:
    """A value that is not as the schema says fails its row; its neighbours are predicted."""
    columns = golden(model).columns
    wanted = model.predict(columns).predictions
    wrong_values: tuple[Any, ...] = (None, True, "1", float("nan"), float("inf"), -1e9, 1e9, [], {})
    for name in entry.features:
        for wrong in wrong_values[name in entry.optional_features :]:  # the first is None, which an optional one may be
            changed = {**columns, name: [wrong, *columns[name][1:]]}
            outcome = model.predict(changed)
            assert list(outcome.errors) == [0], (name, wrong)
            assert outcome.errors[0].code is RowErrorCode.INVALID_ROW
            assert outcome.predictions == [None, *wanted[1:]]


def check_can_be_pickled_again(model: LoadedModel, entry: CatalogEntry) -> None:
    """A copy that went through pickle gives the same answers."""
    again = pickle.loads(pickle.dumps(model.predictor))
    columns = golden(model).columns
    assert model.handler.serve(again, columns).predictions == model.predict(columns).predictions


def check_says_the_same_on_a_device(model: LoadedModel, entry: CatalogEntry) -> None:
    """Its form for a GPU, if it has one, is proven, asks for nothing but the standard, and leaves its input alone."""
    columns = golden(model).columns
    before = copy.deepcopy(columns)
    for device in (numpy_device(), strict_device()):
        accelerator = Accelerator(device, min_rows=1)
        there = accelerate(model, accelerator)
        if model.handler.on_device(model.predictor, device) is None:
            assert there is model
            continue
        assert there.accelerated is not None, there.device_note
        for _ in range(2):
            assert there.predict(columns).predictions == pytest.approx(model.predict(columns).predictions, rel=1e-9)
        assert (accelerator.batches, accelerator.failures) == (2, 0)
        assert columns == before


CHECKS: tuple[Check, ...] = (
    check_is_of_its_entry,
    check_predicts_its_golden_rows,
    check_predicts_the_example_of_the_documentation,
    check_predicts_the_example_of_its_handler,
    check_gives_plain_floats,
    check_measures_its_steps,
    check_row_does_not_depend_on_its_batch,
    check_leaves_its_input_alone,
    check_is_safe_in_threads,
    check_answers_an_empty_batch,
    check_refuses_a_missing_column,
    check_refuses_an_unknown_column,
    check_wrong_value_fails_its_row_alone,
    check_can_be_pickled_again,
    check_says_the_same_on_a_device,
)
