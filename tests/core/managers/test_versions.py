import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from core.handlers.base import TrainedModel
from core.managers.artifacts import load_version
from core.managers.version_files import read_manifest
from core.managers.versions import store_version
from core.schemas.catalog import TRIP_DURATION
from core.schemas.manifest import GoldenRows
from core.utilities.errors import ArtifactError, ForbiddenClassError, GoldenRowsError
from core.utilities.hashing import sha256_of_file
from tests.core.managers.team_models import NAMES, MoodyModel, PaceModel

GOLDEN = GoldenRows(columns={"PULocationID": [1], "DOLocationID": [2], "trip_distance": [3.0]}, predictions=[12.0])


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_manifest_tells_all_that_made_the_version(version: Path, trained: TrainedModel) -> None:
    manifest = read_manifest(version)
    assert manifest.sha256 == sha256_of_file(version / "model.pickle")
    assert manifest.training_data == trained.training_data
    assert manifest.metrics == json.loads(json.dumps(trained.metrics))
    assert set(manifest.libraries) == {"python", "numpy", "scipy", "scikit-learn"}
    assert list(manifest.feature_schema["properties"]) == list(TRIP_DURATION.features)
    assert manifest.code_revision.startswith("sources-")
    assert manifest.created_at.tzinfo is not None


def test_nothing_else_is_left_beside_the_version(version: Path) -> None:
    assert contents(version.parent) == [version.name]
    assert contents(version) == ["manifest.json", "model.pickle"]


def test_the_same_training_has_the_same_id_and_does_not_overwrite(version: Path, trained: TrainedModel) -> None:
    before = (version / "manifest.json").read_bytes()
    with pytest.raises(ArtifactError, match="exists already"):
        store_version(version.parents[1], trained, entry=TRIP_DURATION)
    assert (version / "manifest.json").read_bytes() == before


def test_other_data_or_parameters_or_artifact_give_another_id(tmp_path: Path, trained: TrainedModel) -> None:
    variants = [
        trained,
        replace(trained, training_data={"other": "0" * 64}),
        replace(trained, parameters={"tol": 1}),
        replace(trained, predictor=PaceModel(4.0), golden_rows=GOLDEN),
    ]
    stored = [store_version(tmp_path, variant, entry=TRIP_DURATION, allowed_classes=NAMES) for variant in variants]
    assert len({path.name for path in stored}) == len(variants)
    assert all(path.name.startswith("2021-01-boosted-") for path in stored)


def test_of_two_who_store_the_same_version_one_wins_and_it_is_whole(tmp_path: Path, trained: TrainedModel) -> None:
    def store(_: int) -> bool:
        try:
            store_version(tmp_path, trained, entry=TRIP_DURATION, version="v1")
        except ArtifactError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(store, range(4))) == 1
    assert contents(tmp_path / "trip_duration") == ["v1"]
    load_version(tmp_path / "trip_duration" / "v1", entry=TRIP_DURATION)


def test_a_model_that_does_not_keep_its_golden_rows_is_not_stored(tmp_path: Path, trained: TrainedModel) -> None:
    moody = replace(trained, predictor=MoodyModel(), golden_rows=GOLDEN)
    with pytest.raises(GoldenRowsError):
        store_version(tmp_path, moody, entry=TRIP_DURATION, allowed_classes=NAMES)
    assert contents(tmp_path / "trip_duration") == []


def test_a_teams_own_class_is_stored_and_served_once_it_is_allowed(tmp_path: Path, trained: TrainedModel) -> None:
    team = replace(trained, predictor=PaceModel(4.0), golden_rows=GOLDEN, label="pace")
    with pytest.raises(ForbiddenClassError, match="PaceModel"):
        store_version(tmp_path, team, entry=TRIP_DURATION)
    folder = store_version(tmp_path, team, entry=TRIP_DURATION, allowed_classes=NAMES)
    model = load_version(folder, entry=TRIP_DURATION, allowed_classes=NAMES)
    assert model.predict(GOLDEN.columns).predictions == [12.0]


@pytest.mark.parametrize("version", ["../x", ".hidden", "a/b", "a b", "x" * 200])
def test_a_version_id_that_is_no_plain_name_is_refused(tmp_path: Path, trained: TrainedModel, version: str) -> None:
    with pytest.raises(ArtifactError, match="version id"):
        store_version(tmp_path, trained, entry=TRIP_DURATION, version=version)
    assert contents(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path, trained: TrainedModel) -> None:
    (tmp_path / "trip_duration").write_text("a file in the way")
    with pytest.raises(ArtifactError, match="cannot be stored"):
        store_version(tmp_path, trained, entry=TRIP_DURATION)


def test_a_stored_version_can_be_read_by_other_users(version: Path) -> None:
    # A container often runs as another user than the one who trained.
    assert os.stat(version).st_mode & 0o055 == 0o055 & ~_umask()  # noqa: PTH116


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
