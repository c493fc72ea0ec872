"""Other models than trip duration, and other designs than the catalog's, go through the same pipeline."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from core.handlers.examples import Examples
from core.managers.artifacts import load_version
from core.managers.checkpoints import Checkpoints
from core.managers.codecs import TablesCodec
from core.managers.pipeline import execute
from core.managers.workplace import Workplace
from core.schemas.catalog import TIP_SHARE, TRIP_DURATION
from core.utilities.errors import DataError, ForbiddenClassError, UnknownModelError
from tests.core.managers import team_models
from tests.core.managers.pipeline_files import STEPS, Diary, month_file, parameters, workplace
from tests.core.managers.team_models import LearntPace, PaceModel
from tests.core.managers.trip_counts import TRIP_COUNTS, TripCountsHandler

PACE = f"{LearntPace.__module__}.{LearntPace.__qualname__}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for month in ("2021-01", "2021-02"):
        month_file(tmp_path / "data", month)
    return tmp_path / "data"


def allowing(folder: Path, *classes: str) -> Workplace:
    place = workplace(folder)
    return Workplace(data_dir=place.data_dir, models_dir=place.models_dir, url=place.url, allowed_classes=classes)


def test_the_tip_model_is_trained_by_its_own_sql_and_label(tmp_path: Path, data: Path) -> None:
    diary = Diary()
    version = execute("r", parameters(data, model="tip_share"), workplace(tmp_path), diary)
    assert tuple(diary.computed) == STEPS
    model = load_version(workplace(tmp_path).models_dir / "tip_share" / str(version), entry=TIP_SHARE)
    assert model.manifest is not None
    assert model.version.startswith("2021-01-zones-")
    assert model.manifest.metrics["evaluation"]["rmse_share"] < 0.05
    assert model.manifest.metrics["evaluation"]["rows"] == 675
    assert model.manifest.metrics["gate"]["unit"] == "share"


def test_two_models_from_the_same_files_share_no_step(tmp_path: Path, data: Path) -> None:
    execute("a", parameters(data), workplace(tmp_path), Diary())
    diary = Diary()
    execute("b", parameters(data, model="tip_share"), workplace(tmp_path), diary)
    assert tuple(diary.computed) == STEPS
    names = sorted(path.name for path in workplace(tmp_path).models_dir.iterdir())
    assert names == ["tip_share", "trip_duration"]


def test_a_model_that_the_catalog_does_not_have_is_an_error(tmp_path: Path, data: Path) -> None:
    with pytest.raises(UnknownModelError, match="no model is called 'none'; there are: trip_duration, tip_share"):
        execute("r", parameters(data, model="none"), workplace(tmp_path), Diary())


def test_a_teams_own_class_is_fitted_evaluated_and_registered(tmp_path: Path, data: Path) -> None:
    place = allowing(tmp_path, PACE)
    version = execute("r", parameters(data, design=PACE), place, Diary())
    folder = place.models_dir / "trip_duration" / str(version)
    model = load_version(folder, entry=TRIP_DURATION, allowed_classes=[PACE])
    assert isinstance(model.predictor, LearntPace)
    assert model.version.startswith("2021-01-LearntPace-")
    assert model.manifest is not None
    assert model.manifest.parameters["design"] == PACE
    trip: dict[str, list[Any]] = {"PULocationID": [130], "DOLocationID": [205], "trip_distance": [3.0]}
    assert model.predict(trip).predictions == [3.0 * model.predictor.pace]


def test_a_teams_class_is_not_even_imported_until_it_is_allowed(tmp_path: Path, data: Path) -> None:
    with pytest.raises(ForbiddenClassError, match="MODEL_ALLOWED_CLASSES"):
        execute("r", parameters(data, design="no.such.module.Class"), workplace(tmp_path), Diary())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module.Class", "is not installed here"),
        (f"{team_models.__name__}.not_a_class", "is no class"),
        (f"{PaceModel.__module__}.{PaceModel.__qualname__}", "has no fit"),
    ],
)
def test_a_teams_class_that_cannot_be_fitted_is_an_error(tmp_path: Path, data: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        execute("r", parameters(data, design=name), allowing(tmp_path, name), Diary())


def test_a_model_that_only_transforms_ends_with_its_table(tmp_path: Path, data: Path) -> None:
    diary, place = Diary(), workplace(tmp_path)
    asked = parameters(data, model=TRIP_COUNTS.model)
    assert execute("r", asked, place, diary, entry=TRIP_COUNTS) is None
    assert tuple(diary.computed) == STEPS[: STEPS.index("combine") + 1]
    kept = Checkpoints(place.steps_dir).load("combine", diary.hashes["combine"][0], TablesCodec())
    assert kept is not None
    counts: pl.DataFrame = kept.value["rows"].collect()
    assert counts.columns == ["PULocationID", "hour", "trips"]
    assert counts["trips"].sum() == 1_800
    assert not place.models_dir.exists()


def test_a_model_that_only_transforms_cannot_be_trained() -> None:
    nothing = Examples(columns={}, labels=pl.Series([], dtype=pl.Float64).to_numpy())
    with pytest.raises(DataError, match="there are: none"):
        TripCountsHandler().train(nothing, nothing, label="x")
