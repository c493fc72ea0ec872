"""Run every check on every shipped champion, and on every design of every model, trained on made-up months."""

from pathlib import Path

import pytest

from core.managers.artifacts import LoadedModel, find_champion, load_handler, load_version
from core.managers.pipeline import execute
from core.schemas.catalog import CATALOG, CatalogEntry
from tests.conformance import checks
from tests.conformance.checks import CHECKS, Check
from tests.core.managers.pipeline_files import Diary, month_file, parameters, workplace

MODELS_DIR = Path(__file__).resolve().parents[2] / "repo" / "models"


SHIPPED = "shipped"
SERVED = [(entry, source) for entry in CATALOG for source in (SHIPPED, *entry.designs)]


@pytest.fixture(scope="module", params=SERVED, ids=lambda served: f"{served[0].model}-{served[1]}")
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[LoadedModel, CatalogEntry]:
    entry, source = request.param
    folder = (
        find_champion(MODELS_DIR, entry.model)
        if source == SHIPPED
        else trained_version(entry, source, tmp_path_factory.mktemp(entry.model))
    )
    return load_version(folder, entry=entry), entry


def trained_version(entry: CatalogEntry, design: str, folder: Path) -> Path:
    """Train a design on made-up months, through the pipeline."""
    for month in ("2021-01", "2021-02"):
        month_file(folder / "data", month)
    place = workplace(folder)
    version = execute("run", parameters(folder / "data", model=entry.model, design=design), place, Diary())
    return place.models_dir / entry.model / str(version)


def test_the_catalog_names_the_designs_of_each_handler() -> None:
    assert {entry.model: tuple(load_handler(entry).designs) for entry in CATALOG} == {
        entry.model: entry.designs for entry in CATALOG
    }


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_served_model_keeps_the_promise(served: tuple[LoadedModel, CatalogEntry], check: Check) -> None:
    check(*served)


def test_no_check_is_forgotten() -> None:
    written = {
        value for name, value in vars(checks).items() if name.startswith("check_") and name != "check_golden_rows"
    }
    assert written == set(CHECKS)
