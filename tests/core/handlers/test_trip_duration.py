import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression

from core.handlers import trip_duration
from core.handlers.base import TrainedModel
from core.handlers.tlc import filters, read_trips
from core.handlers.trip_duration import TripDurationHandler
from core.managers.artifacts import LoadedModel, find_champion, load_version
from core.models.trip_duration.features import derive
from core.models.trip_duration.linear import PairRegression, records
from core.schemas.catalog import TRIP_DURATION
from core.utilities.errors import ArtifactError, DataError
from tests.core.handlers.tlc_files import month_of_trips, real_file, write_trips

HANDLER = TripDurationHandler()
MODELS_DIR = Path(__file__).resolve().parents[3] / "repo" / "models"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    folder = tmp_path_factory.mktemp("data")
    test = write_trips(folder / "test.parquet", [(1, 1, 2.0, 9.0), (200, 201, 2.0, 8.0)])
    trips = read_trips([month_of_trips(folder / "train.parquet")])
    return HANDLER.train(trips, read_trips([test]), label="2021-01", parameters={"filters": filters()})


def shipped() -> LoadedModel:
    return load_version(find_champion(MODELS_DIR, "trip_duration"), entry=TRIP_DURATION)


def reference() -> PairRegression:
    (folder,) = (MODELS_DIR / "trip_duration").glob("2021-01-linear-*")
    predictor = load_version(folder, entry=TRIP_DURATION).predictor
    assert isinstance(predictor, PairRegression)
    return predictor


def test_a_version_is_named_by_its_label_and_design_and_tells_what_decided_it(trained: TrainedModel) -> None:
    assert trained.label == "2021-01-boosted"
    assert {"design", "untimed", "timed", "seed", "chunk_rows", "filters"} == set(trained.parameters)


def test_the_reference_design_is_trained_by_its_name(tmp_path: Path) -> None:
    trips = read_trips([month_of_trips(tmp_path / "train.parquet")])
    linear = HANDLER.train(trips, trips, label="2021-01", design="linear")
    assert linear.label == "2021-01-linear"
    assert {"design", "tol", "fallback"} == set(linear.parameters)
    assert HANDLER.serve(linear.predictor, linear.golden_rows.columns).predictions == linear.golden_rows.predictions


def test_some_of_the_golden_rows_have_a_time_of_pickup(trained: TrainedModel) -> None:
    times = trained.golden_rows.columns["pickup_datetime"]
    assert times[0] == "2021-01-05T08:30:00"
    assert len(times) // 3 < times.count(None) < len(times)


def test_of_very_many_rows_evenly_spread_ones_are_measured(
    trained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trip_duration, "MEASURED_ROWS", 250)
    trips = read_trips([month_of_trips(tmp_path / "train.parquet")])
    assert HANDLER.measure(trained.predictor, trips)["rows"] == 200


def test_a_model_that_does_not_know_the_time_answers_a_row_that_has_one() -> None:
    columns: dict[str, list[Any]] = {"PULocationID": [130], "DOLocationID": [205], "trip_distance": [3.0]}
    timed = {**columns, "pickup_datetime": ["2021-01-05T08:30:00"]}
    assert HANDLER.serve(reference(), timed).predictions == HANDLER.serve(reference(), columns).predictions
    assert HANDLER.serve(HANDLER.adapt(Team()), timed).predictions == [0.0]


def test_a_design_that_is_not_there_is_an_error(trained: TrainedModel, tmp_path: Path) -> None:
    trips = read_trips([month_of_trips(tmp_path / "train.parquet")])
    with pytest.raises(DataError, match="no design is called 'cubic'; there are: boosted, linear"):
        HANDLER.train(trips, trips, label="x", design="cubic")


def test_training_measures_both_data_sets_and_the_unseen_pairs_apart(trained: TrainedModel) -> None:
    assert trained.metrics["training"]["rows"] == 600
    assert trained.metrics["training"]["unseen_pairs"] == {"rows": 0, "rmse_min": None}
    assert trained.metrics["evaluation"]["unseen_pairs"]["rows"] == 1
    assert trained.metrics["evaluation"]["rmse_min"] > 0


def test_parameters_and_metrics_are_json(trained: TrainedModel) -> None:
    json.dumps([trained.parameters, trained.metrics, trained.golden_rows.model_dump()], allow_nan=False)


def test_golden_rows_hold_the_example_and_an_unseen_pair(trained: TrainedModel) -> None:
    pairs = list(
        zip(trained.golden_rows.columns["PULocationID"], trained.golden_rows.columns["DOLocationID"], strict=True)
    )
    assert pairs[0] == (130, 205)
    assert (200, 201) in pairs
    assert HANDLER.serve(trained.predictor, trained.golden_rows.columns).predictions == trained.golden_rows.predictions


def test_training_twice_gives_the_same_predictions(trained: TrainedModel, tmp_path: Path) -> None:
    trips = read_trips([month_of_trips(tmp_path / "train.parquet")])
    again = HANDLER.train(trips, trips, label="x").predictor
    rows = trained.golden_rows
    assert HANDLER.serve(again, rows.columns).predictions == rows.predictions


class Team:
    def transform(self, columns: dict[str, Any]) -> Any:
        return np.where(columns["PU_DO"] == "130_205", -1.0, columns["trip_distance"] * 4)


def test_a_teams_own_model_gets_the_derived_columns_and_its_minutes_are_bounded() -> None:
    predictor = HANDLER.adapt(Team())
    columns: dict[str, list[Any]] = {"PULocationID": [130, 1], "DOLocationID": [205, 2], "trip_distance": [3.0, 2]}
    assert HANDLER.serve(predictor, columns).predictions == [0.0, 8.0]


@pytest.mark.parametrize(
    "loaded", [None, {}, (1, 2), (DictVectorizer(), LinearRegression()), [1, 2, 3], LinearRegression()]
)
def test_what_cannot_serve_is_refused(loaded: object) -> None:
    with pytest.raises(ArtifactError):
        HANDLER.adapt(loaded)


def test_importing_the_handler_does_not_import_polars() -> None:
    # It takes half a second, which every worker would pay at its start.
    code = "import sys, core.handlers.trip_duration; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=MODELS_DIR.parents[1]).returncode == 0


def test_the_shipped_model_keeps_its_promised_figures() -> None:
    trips, predictor = read_trips([real_file("2021-02")]), shipped().predictor
    figures = HANDLER.measure(predictor, trips)
    assert figures["rows"] == 61_895
    assert figures["rmse_min"] <= 5.10
    untimed = {name: values for name, values in trips.columns.items() if name != "pickup_datetime"}
    assert np.sqrt(np.mean((HANDLER.predict(predictor, untimed) - trips.labels) ** 2)) <= 5.70
    assert figures["unseen_pairs"]["rows"] == 5_257
    assert figures["unseen_pairs"]["rmse_min"] <= 7.5


def test_the_reference_keeps_its_promised_figures() -> None:
    figures = HANDLER.measure(reference(), read_trips([real_file("2021-02")]))
    assert figures["rmse_min"] <= 6.70
    assert figures["unseen_pairs"]["rmse_min"] <= 9.0


def test_the_manifest_of_the_shipped_model_tells_the_measured_figures() -> None:
    model = shipped()
    assert model.manifest is not None
    for part, month in (("training", "2021-01"), ("evaluation", "2021-02")):
        measured = HANDLER.measure(model.predictor, read_trips([real_file(month)]))
        stored = model.manifest.metrics[part]
        assert measured["rmse_min"] == pytest.approx(stored["rmse_min"], abs=1e-9)
        for name in ("seen_pairs", "unseen_pairs"):
            assert measured[name]["rows"] == stored[name]["rows"]


def test_the_shipped_artifact_is_small() -> None:
    (artifact,) = find_champion(MODELS_DIR, "trip_duration").glob("*.pickle")
    assert artifact.stat().st_size < 3_000_000


def test_the_reference_answers_every_pair_it_knows_as_scikit_learn_does() -> None:
    model = reference()
    pairs = [name.removeprefix("PU_DO=").split("_") for name in model.vectorizer.vocabulary_ if "=" in name]
    features = derive(
        {
            "PULocationID": [int(pair[0]) for pair in pairs],
            "DOLocationID": [int(pair[1]) for pair in pairs],
            "trip_distance": np.random.default_rng(1).uniform(0, 40, len(pairs)),
        }
    )
    theirs = model.regression.predict(model.vectorizer.transform(records(features)))
    ours = model.transform(features)
    assert len(pairs) > 13_000
    assert ours[theirs > 0].tolist() == theirs[theirs > 0].tolist()
    assert (ours[theirs <= 0] >= 1.0).all()


def test_the_readmes_trip_takes_about_13_minutes() -> None:
    without = {name: values for name, values in HANDLER.example.items() if name != "pickup_datetime"}
    assert HANDLER.serve(shipped().predictor, without).predictions[0] == pytest.approx(13.0, abs=1.0)
    assert HANDLER.serve(reference(), without).predictions[0] == pytest.approx(12.8, abs=0.1)
