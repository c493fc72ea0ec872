import shutil
from pathlib import Path

import pytest

from core.handlers.base import TrainedModel
from core.managers.version_files import write_route
from core.managers.version_proof import EarlierProof, LocalProof
from core.managers.versions import store_version
from core.schemas.catalog import TIP_SHARE, TRIP_DURATION
from core.schemas.route import Route
from core.utilities.errors import GoldenRowsError, ModelBudgetError, RouteRefusedError
from tests.core.managers.paced_versions import CLASSES, store_paced

MODEL = TRIP_DURATION.model


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    for pace in (1, 2):
        store_paced(tmp_path, pace)
    return tmp_path


def size_mib(folder: Path) -> float:
    return (folder / "model.pickle").stat().st_size / 1024**2


def test_a_version_is_loaded_and_its_golden_rows_predicted(models_dir: Path) -> None:
    proof = LocalProof(models_dir=models_dir, allowed_classes=CLASSES)
    proof.prove(TRIP_DURATION, "pace-2")
    manifest = models_dir / MODEL / "pace-2" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("6.0", "6.5"))
    with pytest.raises(GoldenRowsError):
        proof.prove(TRIP_DURATION, "pace-2")


def test_one_that_is_not_here_is_fetched_first(models_dir: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    fetched = []

    def fetch(model: str, version: str) -> None:
        fetched.append((model, version))
        shutil.copytree(models_dir / model / version, here / model / version)

    proof = LocalProof(models_dir=here, allowed_classes=CLASSES, fetch=fetch)
    proof.prove(TRIP_DURATION, "pace-2")
    proof.prove(TRIP_DURATION, "pace-2")
    assert fetched == [(MODEL, "pace-2")]


def test_versions_must_fit_together(models_dir: Path) -> None:
    proof = LocalProof(models_dir=models_dir, budget_mib=1.5 * size_mib(models_dir / MODEL / "pace-1"))
    proof.fit(TRIP_DURATION, ["pace-1"])
    with pytest.raises(ModelBudgetError, match="do not fit"):
        proof.fit(TRIP_DURATION, ["pace-1", "pace-2"])


def test_what_routes_of_other_models_name_takes_room_too(models_dir: Path, trained: TrainedModel) -> None:
    other = store_version(models_dir, trained, entry=TRIP_DURATION, version="other")
    (models_dir / TIP_SHARE.model).mkdir()
    other.rename(models_dir / TIP_SHARE.model / "other")
    budget = size_mib(models_dir / TIP_SHARE.model / "other") + 0.5 * size_mib(models_dir / MODEL / "pace-1")
    proof = LocalProof(models_dir=models_dir, budget_mib=budget)
    proof.fit(TRIP_DURATION, ["pace-1"])
    write_route(models_dir, TIP_SHARE.model, Route(champion="other"))
    with pytest.raises(ModelBudgetError, match="of other models"):
        proof.fit(TRIP_DURATION, ["pace-1"])


def test_where_no_model_may_be_loaded_only_what_a_route_has_named_is_proven() -> None:
    proof = EarlierProof(named=lambda model: {"pace-1"} if model == MODEL else set())
    proof.prove(TRIP_DURATION, "pace-1")
    proof.fit(TRIP_DURATION, ["pace-1"])
    for entry, version in ((TRIP_DURATION, "pace-2"), (TIP_SHARE, "pace-1")):
        with pytest.raises(RouteRefusedError, match=r"no worker runs .* start a worker"):
            proof.prove(entry, version)
