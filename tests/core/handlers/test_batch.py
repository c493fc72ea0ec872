from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.handlers.batch import serve_rows
from core.handlers.columns import LARGE, column_rules
from core.schemas.outcome import BatchOutcome, RowErrorCode
from core.schemas.trip import TripRow

RULES = column_rules(TripRow)


class Model:
    def __init__(self, answer: Callable[[list[float]], Any]) -> None:
        self.answer = answer
        self.batches: list[list[float]] = []

    def transform(self, columns: Mapping[str, Any]) -> Any:
        distances = columns["trip_distance"].tolist()
        columns["trip_distance"][:] = -1.0  # a model that scribbles on its input must not hurt a second try
        self.batches.append(distances)
        return self.answer(distances)


def prepare(columns: Mapping[str, list[Any]]) -> dict[str, Any]:
    return {name: np.array(values) for name, values in columns.items()}


def serve(model: Model, distances: list[Any]) -> BatchOutcome:
    rows = len(distances)
    columns = {"PULocationID": [1] * rows, "DOLocationID": [2] * rows, "trip_distance": distances}
    return serve_rows(model, columns, rules=RULES, prepare=prepare, finish=lambda minutes: np.maximum(minutes, 0.0))


def raising_on(poison: set[float]) -> Model:
    def answer(distances: list[float]) -> Any:
        if poison & set(distances):
            raise ZeroDivisionError("with a /secret/path in it")
        return np.array(distances) * 2

    return Model(answer)


def test_a_good_batch_is_one_call() -> None:
    model = raising_on(set())
    outcome = serve(model, [1.0, 2, 3.5])
    assert outcome.predictions == [2.0, 4.0, 7.0]
    assert all(type(value) is float for value in outcome.predictions)
    assert outcome.errors == {}
    assert len(model.batches) == 1
    assert outcome.features_ms > 0
    assert outcome.predict_ms > 0


@pytest.mark.parametrize("wrong", [True, "3", None, float("nan"), float("inf"), -0.1, 500.1, [1.0], {}])
def test_a_wrong_value_fails_its_row_alone_and_never_reaches_the_model(wrong: Any) -> None:
    model = raising_on(set())
    outcome = serve(model, [1.0, wrong, 3.0])
    assert outcome.predictions == [2.0, None, 6.0]
    assert outcome.errors[1].code is RowErrorCode.INVALID_ROW
    assert model.batches == [[1.0, 3.0]]


def test_a_batch_of_wrong_rows_only_does_not_call_the_model() -> None:
    model = raising_on(set())
    assert set(serve(model, [None, "x"]).errors) == {0, 1}
    assert model.batches == []


@pytest.mark.parametrize("rows", [1, LARGE - 1, LARGE, 5 * LARGE])
@pytest.mark.parametrize("spelling", [int, float])
def test_a_row_is_answered_alike_in_a_small_batch_and_in_a_large_one(
    rows: int, spelling: Callable[[int], float]
) -> None:
    distances = [spelling(row) for row in range(rows)]
    assert serve(raising_on(set()), distances).predictions == [row * 2.0 for row in range(rows)]


@given(st.integers(LARGE, 3 * LARGE), st.sets(st.integers(0, LARGE - 1)), st.sets(st.integers(0, LARGE - 1)))
def test_in_a_large_batch_too_each_row_fails_alone(rows: int, poison: set[int], wrong: set[int]) -> None:
    distances = [None if row in wrong else float(row) for row in range(rows)]
    outcome = serve(raising_on({float(row) for row in poison}), distances)
    assert {row for row, error in outcome.errors.items() if error.code is RowErrorCode.INVALID_ROW} == wrong
    assert set(outcome.errors) == poison | wrong
    assert outcome.predictions == [None if row in poison | wrong else row * 2.0 for row in range(rows)]


@given(st.integers(1, 40).flatmap(lambda rows: st.tuples(st.just(rows), st.sets(st.integers(0, rows - 1)))))
def test_rows_on_which_the_model_raises_fail_alone(case: tuple[int, set[int]]) -> None:
    rows, poison = case
    outcome = serve(raising_on({float(row) for row in poison}), [float(row) for row in range(rows)])
    assert set(outcome.errors) == poison
    assert {error.code for error in outcome.errors.values()} <= {RowErrorCode.MODEL_ERROR}
    assert outcome.predictions == [None if row in poison else row * 2.0 for row in range(rows)]


def test_no_text_of_an_exception_leaves() -> None:
    assert "secret" not in serve(raising_on({1.0}), [1.0]).errors[0].detail


def test_one_poisonous_row_of_512_costs_a_few_calls() -> None:
    model = raising_on({100.0})
    serve(model, [float(row % 400) for row in range(512)])
    assert len(model.batches) <= 2 * 9 * 2 + 1


@pytest.mark.parametrize(
    "answer",
    [
        lambda distances: np.zeros(len(distances) + 1),
        lambda distances: np.zeros((len(distances), 1)),
        lambda distances: ["1.0"] * len(distances),
        lambda distances: np.zeros(len(distances), dtype=complex),
        lambda _: 1.0,
        lambda _: None,
    ],
    ids=["too many", "two dimensions", "text", "complex", "a scalar", "nothing"],
)
def test_an_answer_of_the_wrong_shape_or_type_is_an_error_of_the_model(answer: Callable[[list[float]], Any]) -> None:
    outcome = serve(Model(answer), [1.0, 2.0])
    assert outcome.predictions == [None, None]
    assert {error.code for error in outcome.errors.values()} == {RowErrorCode.MODEL_ERROR}


def test_a_row_without_a_finite_answer_fails_alone() -> None:
    outcome = serve(Model(lambda d: [np.nan if x == 2.0 else np.inf if x == 3.0 else x for x in d]), [1.0, 2.0, 3.0])
    assert outcome.predictions == [1.0, None, None]
    assert {outcome.errors[1].code, outcome.errors[2].code} == {RowErrorCode.NOT_FINITE}


def test_an_answer_is_finished_before_it_leaves() -> None:
    assert serve(Model(lambda d: [-5] * len(d)), [1.0]).predictions == [0.0]


@pytest.mark.parametrize("columns", [{"trip_distance": [1.0, 2.0]}, {"hour": [1, 2]}])
def test_columns_that_are_not_the_models_fail_every_row(columns: dict[str, list[Any]]) -> None:
    model = raising_on(set())
    outcome = serve_rows(model, columns, rules=RULES, prepare=prepare, finish=lambda minutes: minutes)
    assert outcome.predictions == [None, None]
    assert {error.code for error in outcome.errors.values()} == {RowErrorCode.INVALID_ROW}
    assert model.batches == []


def test_an_empty_batch_has_an_empty_answer() -> None:
    assert serve(raising_on(set()), []).predictions == []
