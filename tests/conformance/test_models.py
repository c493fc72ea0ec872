"""Run every check on the champion of every model in the catalog."""

from pathlib import Path

import pytest

from core.managers.artifacts import LoadedModel, find_champion, load_version
from core.schemas.catalog import CATALOG, CatalogEntry
from tests.conformance import checks
from tests.conformance.checks import CHECKS, Check

MODELS_DIR = Path(__file__).resolve().parents[2] / "repo" / "models"


@pytest.fixture(scope="module", params=CATALOG, ids=lambda entry: entry.model)
def served(request: pytest.FixtureRequest) -> tuple[LoadedModel, CatalogEntry]:
    entry: CatalogEntry = request.param
    return load_version(find_champion(MODELS_DIR, entry.model), entry=entry), entry


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_served_model_keeps_the_promise(served: tuple[LoadedModel, CatalogEntry], check: Check) -> None:
    check(*served)


def test_no_check_is_forgotten() -> None:
    written = {
        value for name, value in vars(checks).items() if name.startswith("check_") and name != "check_golden_rows"
    }
    assert written == set(CHECKS)
