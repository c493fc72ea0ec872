import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression

from core.models.trip_duration.features import DISTANCE, DROPOFF, PAIR, PICKUP, derive
from core.models.trip_duration.linear import PairRegression, records
from tests.core.models.trip_duration.trips import made_up_trips

COLUMNS, MINUTES = made_up_trips()
MODEL = PairRegression.fit(COLUMNS, MINUTES)
KNOWN = sorted({(int(a), int(b)) for a, b in zip(COLUMNS[PICKUP], COLUMNS[DROPOFF], strict=True)})


@given(st.lists(st.tuples(st.sampled_from(KNOWN), st.floats(0, 500)), min_size=1, max_size=30))
def test_known_pairs_are_answered_exactly_as_scikit_learn_does(rows: list[tuple[tuple[int, int], float]]) -> None:
    features = derive(
        {
            PICKUP: [zones[0] for zones, _ in rows],
            DROPOFF: [zones[1] for zones, _ in rows],
            DISTANCE: [d for _, d in rows],
        }
    )
    theirs = MODEL.regression.predict(MODEL.vectorizer.transform(records(features)))
    assert (theirs > 0).all()
    assert MODEL.transform(features).tolist() == theirs.tolist()


def test_the_solver_has_converged() -> None:
    design = MODEL.vectorizer.transform(records(COLUMNS))
    residual = MINUTES - MODEL.regression.predict(design)
    # At the least-squares solution the residual is orthogonal to every column and to the intercept.
    assert np.abs(design.T @ residual).max() < 1e-6
    assert abs(residual.sum()) < 1e-6


def test_an_unknown_pair_is_answered_by_the_fallback_and_not_by_the_intercept() -> None:
    features = derive({PICKUP: [130], DROPOFF: [1], DISTANCE: [0.5]})
    assert not MODEL.knows(features[PAIR])[0]
    assert (
        MODEL.transform(features)[0] == MODEL.fallback.transform(*(features[c] for c in (PICKUP, DROPOFF, DISTANCE)))[0]
    )
    intercept = MODEL.regression.intercept_ + 0.5 * MODEL.regression.coef_[MODEL.vectorizer.vocabulary_[DISTANCE]]
    assert abs(MODEL.transform(features)[0] - intercept) > 0.1


def test_a_sum_that_is_not_positive_is_answered_by_the_fallback() -> None:
    minutes = MINUTES.copy()
    minutes[:5] = -500.0
    features = derive({PICKUP: [130], DROPOFF: [205], DISTANCE: [3.0]})
    model = PairRegression.fit(COLUMNS, minutes)
    assert model.knows(features[PAIR])[0]
    assert model.transform(features)[0] >= 1.0


def test_a_pickled_model_answers_alike() -> None:
    again = pickle.loads(pickle.dumps(MODEL))
    assert again.transform(COLUMNS).tolist() == MODEL.transform(COLUMNS).tolist()


def test_without_a_fallback_one_is_derived_from_the_coefficients() -> None:
    bare = PairRegression(MODEL.vectorizer, MODEL.regression)
    features = derive({PICKUP: [12, 1], DROPOFF: [205, 205], DISTANCE: [2.0, 2.0]})
    assert not bare.knows(features[PAIR]).any()
    high, low = bare.transform(features)
    assert high - low > 1.0  # 3.3 in the made-up trips, before shrinkage


def fitted(rows: list[dict[str, object]]) -> tuple[DictVectorizer, LinearRegression]:
    vectorizer = DictVectorizer()
    return vectorizer, LinearRegression().fit(vectorizer.fit_transform(rows), np.arange(float(len(rows))))


@pytest.mark.parametrize(
    "rows",
    [
        [{"PU_DO": "1_2"}, {"PU_DO": "2_3"}],
        [{"PU_DO": "1_2", "trip_distance": 1.0, "hour": 3.0}, {"PU_DO": "2_3", "trip_distance": 2.0, "hour": 4.0}],
        [{"PU_DO": "1_999", "trip_distance": 1.0}, {"PU_DO": "2_3", "trip_distance": 2.0}],
    ],
    ids=["no distance", "a foreign feature", "no such zone"],
)
def test_another_design_is_refused(rows: list[dict[str, object]]) -> None:
    with pytest.raises(ValueError, match=r"features are not|zone pair"):
        PairRegression(*fitted(rows))


def test_a_regression_that_does_not_fit_the_vectorizer_is_refused() -> None:
    with pytest.raises(ValueError, match="not fitted on"):
        PairRegression(MODEL.vectorizer, LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]))


def test_coefficients_that_are_not_finite_are_refused() -> None:
    vectorizer, regression = fitted([{"PU_DO": "1_2", "trip_distance": 1.0}, {"PU_DO": "2_3", "trip_distance": 2.0}])
    regression.coef_ = regression.coef_ * np.nan
    with pytest.raises(ValueError, match="finite"):
        PairRegression(vectorizer, regression)
