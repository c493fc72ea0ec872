from pathlib import Path

import pytest

from core.managers.model_cache import ModelCache
from core.schemas.catalog import CATALOG, TIP_SHARE, TRIP_DURATION
from core.utilities.errors import ArtifactError, UnknownVersionError
from tests.core.managers.registered import set_champion


def test_a_model_that_is_not_essential_and_without_a_version_is_left_out(version: Path) -> None:
    set_champion(version.parents[1], TRIP_DURATION.model, version.name)
    models = ModelCache(CATALOG, models_dir=version.parents[1], bare={})
    assert models.held() == {TRIP_DURATION.model: [version.name]}
    with pytest.raises(UnknownVersionError, match="tip_share"):
        models.get(TIP_SHARE.model, None)


def test_the_other_models_must_have_one(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        ModelCache(CATALOG, models_dir=tmp_path, bare={})


def test_a_model_that_is_not_essential_whose_route_leads_nowhere_is_an_error(version: Path) -> None:
    set_champion(version.parents[1], TRIP_DURATION.model, version.name)
    set_champion(version.parents[1], TIP_SHARE.model, "gone")
    with pytest.raises(ArtifactError, match="gone"):
        ModelCache(CATALOG, models_dir=version.parents[1], bare={})


def test_a_pinned_version_of_a_model_that_is_not_essential_must_be_there(version: Path) -> None:
    set_champion(version.parents[1], TRIP_DURATION.model, version.name)
    with pytest.raises(ArtifactError, match="gone"):
        ModelCache(CATALOG, models_dir=version.parents[1], bare={}, versions={TIP_SHARE.model: "gone"})
