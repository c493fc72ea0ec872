import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from core.handlers.base import TrainedModel
from core.managers.artifacts import find_champion, load_bare, load_version
from core.schemas.catalog import TRIP_DURATION
from core.utilities.errors import ArtifactError, ArtifactIntegrityError, ForbiddenClassError, GoldenRowsError
from core.utilities.hashing import sha256_of
from tests.core.managers.old_pickle import INTERCEPT, PAIRS, SLOPE, old_pickle
from tests.core.managers.registered import set_champion
from tests.core.managers.team_models import NAMES, FailingModel, PaceModel, WrappedModel

TRIP: dict[str, list[Any]] = {"PULocationID": [130], "DOLocationID": [205], "trip_distance": [3.0]}
Manifest = dict[str, Any]


def edit_manifest(version: Path, change: Callable[[Manifest], object]) -> None:
    path = version / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def replace_artifact(version: Path, content: bytes) -> None:
    """Write another artifact and vouch for it, as somebody who can write the folder would."""
    (version / "model.pickle").write_bytes(content)
    edit_manifest(version, lambda manifest: manifest.update(sha256=sha256_of(content)))


def test_a_stored_version_loads_and_predicts(version: Path, trained: TrainedModel) -> None:
    model = load_version(version, entry=TRIP_DURATION)
    assert (model.name, model.version) == ("trip_duration", version.name)
    assert model.manifest is not None
    assert model.predict(trained.golden_rows.columns).predictions == trained.golden_rows.predictions


def test_an_artifact_of_other_bytes_is_refused_before_it_is_unpickled(version: Path, tmp_path: Path) -> None:
    class Exploit:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "trace"),)

    (version / "model.pickle").write_bytes(pickle.dumps(Exploit()))
    with pytest.raises(ArtifactIntegrityError, match="SHA-256"):
        load_version(version, entry=TRIP_DURATION)
    assert not (tmp_path / "trace").exists()


def test_a_truncated_artifact_is_refused(version: Path) -> None:
    path = version / "model.pickle"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ArtifactIntegrityError):
        load_version(version, entry=TRIP_DURATION)


def test_a_hostile_artifact_with_a_matching_hash_is_refused(version: Path) -> None:
    replace_artifact(version, b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ForbiddenClassError, match=r"os\.system"):
        load_version(version, entry=TRIP_DURATION)


@pytest.mark.parametrize("name", ["model.pickle", "manifest.json"])
def test_a_missing_file_is_named(version: Path, name: str) -> None:
    (version / name).unlink()
    with pytest.raises(ArtifactError, match=name):
        load_version(version, entry=TRIP_DURATION)


@pytest.mark.parametrize("name", ["model.pickle", "manifest.json"])
def test_a_pipe_in_place_of_a_file_does_not_block(version: Path, name: str) -> None:
    (version / name).unlink()
    os.mkfifo(version / name)
    with pytest.raises(ArtifactError, match=name):
        load_version(version, entry=TRIP_DURATION)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"name": "trip_duration"}', "[" * 100_000, "\xff"])
def test_an_invalid_manifest_is_a_clear_error(version: Path, text: str) -> None:
    (version / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        load_version(version, entry=TRIP_DURATION)


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "/etc/passwd", "..", ".", "", "sub/model.pickle", "a\\b", "\0", "x" * 5000, "../manifest.json"],
)  # fmt: skip
def test_a_manifest_that_names_a_path_elsewhere_is_refused(version: Path, name: str) -> None:
    edit_manifest(version, lambda manifest: manifest.update(artifact=name))
    with pytest.raises(ArtifactError):
        load_version(version, entry=TRIP_DURATION)


@pytest.mark.parametrize("name", ["model.pickle", "manifest.json"])
def test_a_link_that_leads_out_of_the_folder_is_refused(version: Path, name: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.move(version / name, outside)
    (version / name).symlink_to(outside)
    with pytest.raises(ArtifactError, match="leads out"):
        load_version(version, entry=TRIP_DURATION)


def test_a_loop_of_links_is_refused(version: Path) -> None:
    (version / "model.pickle").unlink()
    (version / "model.pickle").symlink_to("model.pickle")
    with pytest.raises(ArtifactError):
        load_version(version, entry=TRIP_DURATION)


def test_links_inside_the_folder_are_followed_as_kubernetes_mounts_have_them(version: Path) -> None:
    (version / "..data").mkdir()
    shutil.move(version / "model.pickle", version / "..data" / "model.pickle")
    (version / "model.pickle").symlink_to("..data/model.pickle")
    assert load_version(version, entry=TRIP_DURATION).version == version.name


def test_a_version_in_a_folder_of_another_name_is_refused(version: Path) -> None:
    moved = version.rename(version.with_name("2021-02-linear-00000000"))
    with pytest.raises(ArtifactError, match="another model or version"):
        load_version(moved, entry=TRIP_DURATION)


def test_a_version_that_needs_other_features_is_refused(version: Path) -> None:
    edit_manifest(version, lambda manifest: manifest["feature_schema"]["required"].append("hour"))
    with pytest.raises(ArtifactError, match="features"):
        load_version(version, entry=TRIP_DURATION)


@pytest.mark.parametrize(
    "change",
    [
        lambda golden: golden["predictions"].__setitem__(3, golden["predictions"][3] + 1e-6),
        lambda golden: golden["predictions"].__setitem__(3, float("nan")),
        lambda golden: golden["predictions"].pop(),
        lambda golden: golden.update(predictions=[], columns={name: [] for name in golden["columns"]}),
        lambda golden: golden["columns"].pop("trip_distance"),
        lambda golden: golden["columns"]["trip_distance"].__setitem__(3, "far"),
    ],
    ids=["off by a millionth", "NaN", "one too few", "none", "a column too few", "an invalid row"],
)
def test_golden_rows_that_are_not_predicted_keep_a_version_from_serving(
    version: Path, change: Callable[[Manifest], object]
) -> None:
    edit_manifest(version, lambda manifest: change(manifest["golden_rows"]))
    with pytest.raises(GoldenRowsError):
        load_version(version, entry=TRIP_DURATION)


def test_golden_rows_may_differ_by_the_order_of_a_sum(version: Path) -> None:
    edit_manifest(
        version, lambda m: m["golden_rows"]["predictions"].__setitem__(3, m["golden_rows"]["predictions"][3] + 1e-11)
    )
    load_version(version, entry=TRIP_DURATION)


def test_a_bare_pickle_of_scikit_learn_1_0_2_serves(tmp_path: Path) -> None:
    path = tmp_path / "old.pickle"
    path.write_bytes(old_pickle())
    model = load_bare(path, entry=TRIP_DURATION)
    assert model.version == f"bare-{sha256_of(old_pickle())[:12]}"
    assert model.manifest is None
    assert model.predict(TRIP).predictions == [INTERCEPT + PAIRS["130_205"] + 3 * SLOPE]


def test_an_unseen_pair_under_a_bare_pickle_is_not_answered_by_the_intercept(tmp_path: Path) -> None:
    path = tmp_path / "old.pickle"
    path.write_bytes(old_pickle())
    trips: dict[str, list[Any]] = {"PULocationID": [7, 130], "DOLocationID": [3, 2], "trip_distance": [2.0, 2.0]}
    high, low = load_bare(path, entry=TRIP_DURATION).predict(trips).predictions
    assert high is not None
    assert low is not None
    # Zones 7 and 3 occur in pairs above the average, zone 130 in one far below it.
    assert high > low
    assert INTERCEPT + 2 * SLOPE not in (high, low)


@pytest.mark.parametrize(
    "content", [b"", b"no pickle", pickle.dumps({"a": 1}), pickle.dumps((1, 2)), old_pickle()[:-5]]
)
def test_a_bare_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bare").write_bytes(content)
    with pytest.raises(ArtifactError):
        load_bare(tmp_path / "bare", entry=TRIP_DURATION)


def test_a_missing_bare_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"none\.pickle"):
        load_bare(tmp_path / "none.pickle", entry=TRIP_DURATION)


def test_a_teams_own_class_serves_as_a_bare_pickle_once_it_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "team.pickle"
    path.write_bytes(pickle.dumps(PaceModel(4.0)))
    with pytest.raises(ForbiddenClassError, match="PaceModel"):
        load_bare(path, entry=TRIP_DURATION)
    assert load_bare(path, entry=TRIP_DURATION, allowed_classes=NAMES).predict(TRIP).predictions == [12.0]


def test_a_teams_tree_ensemble_serves(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).uniform(1, 200, (100, 3))
    estimator = HistGradientBoostingRegressor(max_iter=5).fit(rows, rows[:, 2])
    (tmp_path / "trees").write_bytes(pickle.dumps(WrappedModel(estimator)))
    model = load_bare(tmp_path / "trees", entry=TRIP_DURATION, allowed_classes=NAMES)
    assert model.predict(TRIP).predictions == estimator.predict([[130, 205, 3.0]]).tolist()


def test_a_bare_model_that_cannot_predict_the_example_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(pickle.dumps(FailingModel()))
    with pytest.raises(GoldenRowsError, match="example"):
        load_bare(tmp_path / "bad", entry=TRIP_DURATION, allowed_classes=NAMES)


def test_the_route_names_the_champion(version: Path) -> None:
    models_dir = version.parents[1]
    set_champion(models_dir, "trip_duration", version.name)
    assert find_champion(models_dir, "trip_duration") == version


@pytest.mark.parametrize(
    "route",
    [None, "", "{}", '{"champion": "gone"}', '{"champion": "../../x"}', '{"champion": ".."}', '{"champion": ""}'],
)
def test_a_route_to_nowhere_is_a_clear_error(version: Path, route: str | None) -> None:
    if route is not None:
        (version.parent / "route.json").write_text(route)
    with pytest.raises(ArtifactError, match=r"route"):
        find_champion(version.parents[1], "trip_duration")


def test_no_error_tells_more_than_the_last_two_parts_of_a_path(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        load_version(tmp_path / "models" / "v", entry=TRIP_DURATION)
    assert str(tmp_path) not in str(caught.value)
