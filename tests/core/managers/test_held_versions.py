"""A model cache with several versions: what answers, what stays, what has to leave."""

from pathlib import Path

import pytest

from core.managers.model_cache import MEBIBYTE, ModelCache
from core.managers.version_files import write_route
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Canary, Route
from core.utilities.errors import ArtifactError, ModelBudgetError, UnknownVersionError
from tests.core.managers.paced_versions import CLASSES, store_paced

MODEL = TRIP_DURATION.model


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """Four versions; the route names the first."""
    for pace in range(1, 5):
        store_paced(tmp_path, pace)
    write_route(tmp_path, MODEL, Route(champion="pace-1"))
    return tmp_path


def cache(models_dir: Path, **options: object) -> ModelCache:
    return ModelCache([TRIP_DURATION], models_dir=models_dir, bare={}, allowed_classes=CLASSES, **options)  # type: ignore[arg-type]


def hold(models: ModelCache, *versions: str, named: bool = False) -> None:
    for version in versions:
        models.keep(models.read(MODEL, version), named=named)


def size_mib(models: ModelCache) -> float:
    return models.get(MODEL, "pace-1").size_bytes / MEBIBYTE


def test_what_callers_are_answered_by_is_loaded_before_anything_else(models_dir: Path) -> None:
    write_route(models_dir, MODEL, Route(champion="pace-2", canary=Canary(version="pace-3", share=0.1), shadow="gone"))
    models = cache(models_dir)
    assert models.held() == {MODEL: ["pace-2", "pace-3"]}
    assert models.wanted() == [(MODEL, "gone")]
    assert models.get(MODEL, None).version == "pace-2"


def test_a_canary_that_cannot_be_loaded_keeps_nobody_from_starting_and_stays_wanted(models_dir: Path) -> None:
    (models_dir / MODEL / "pace-3" / "model.pickle").write_bytes(b"broken")
    for canary in ("gone", "pace-3"):
        write_route(models_dir, MODEL, Route(champion="pace-2", canary=Canary(version=canary, share=0.1)))
        models = cache(models_dir)
        assert models.held() == {MODEL: ["pace-2"]}
        assert models.wanted() == [(MODEL, canary)]


def test_a_champion_that_cannot_be_loaded_is_an_error_from_the_start(models_dir: Path) -> None:
    write_route(models_dir, MODEL, Route(champion="gone", canary=Canary(version="pace-2", share=0.1)))
    with pytest.raises(ArtifactError, match="gone"):
        cache(models_dir)


def test_of_two_routes_the_newer_one_counts(models_dir: Path) -> None:
    models = cache(models_dir, routes={MODEL: Route(champion="pace-3", revision=2)})
    models.follow({MODEL: Route(champion="pace-2", revision=1)})
    assert models.get(MODEL, None).version == "pace-3"


def test_a_file_that_is_no_route_keeps_nobody_from_starting_who_knows_the_route(models_dir: Path) -> None:
    (models_dir / MODEL / "route.json").write_text("{")
    models = cache(models_dir, routes={MODEL: Route(champion="pace-3", revision=2)})
    assert models.get(MODEL, None).version == "pace-3"
    with pytest.raises(ArtifactError, match=r"route\.json is not JSON"):
        cache(models_dir)


def test_the_new_champion_answers_by_default_once_it_is_held(models_dir: Path) -> None:
    models = cache(models_dir)
    route = {MODEL: Route(champion="pace-2", revision=1)}
    models.follow(route)
    assert models.get(MODEL, None).version == "pace-1"
    assert models.wanted() == [(MODEL, "pace-2")]
    hold(models, "pace-2", named=True)
    models.follow(route)
    assert models.held() == {MODEL: ["pace-2", "pace-1"]}


def test_a_pinned_version_answers_whatever_the_route_says(models_dir: Path) -> None:
    models = cache(models_dir, versions={MODEL: "pace-4"})
    hold(models, "pace-2", named=True)
    models.follow({MODEL: Route(champion="pace-2", revision=1)})
    assert models.get(MODEL, None).version == "pace-4"
    assert models.fixed == [MODEL]


def test_without_room_the_longest_unused_leaves_and_never_one_that_a_route_names(models_dir: Path) -> None:
    room = cache(models_dir)
    models = cache(models_dir, budget_mib=3.5 * size_mib(room))
    hold(models, "pace-2", "pace-3")
    models.get(MODEL, "pace-2")
    hold(models, "pace-4")
    assert sorted(models.held()[MODEL]) == ["pace-1", "pace-2", "pace-4"]
    with pytest.raises(UnknownVersionError):
        models.get(MODEL, "pace-3")


def test_what_a_route_needs_and_does_not_fit_is_refused_and_nothing_leaves_for_it(models_dir: Path) -> None:
    models = cache(models_dir, budget_mib=2.5 * size_mib(cache(models_dir)))
    models.follow({}, soon=[(MODEL, "pace-2")])
    hold(models, "pace-2", named=True)
    with pytest.raises(ModelBudgetError, match="MODEL_MEMORY_MIB"):
        hold(models, "pace-3", named=True)
    assert sorted(models.held()[MODEL]) == ["pace-1", "pace-2"]


def test_a_version_from_elsewhere_is_fetched_first(models_dir: Path) -> None:
    def fetch(model: str, version: str) -> None:
        assert (model, version) == (MODEL, "pace-9")
        store_paced(models_dir, 9)

    models = cache(models_dir, fetch=fetch)
    hold(models, "pace-9")
    assert models.get(MODEL, "pace-9").predict(
        {"PULocationID": [1], "DOLocationID": [1], "trip_distance": [2.0]}
    ).predictions == [18.0]
