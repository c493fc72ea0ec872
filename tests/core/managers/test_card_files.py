from pathlib import Path

import pytest

from core.managers.card_files import CARDS, prose_of
from core.managers.pipeline import execute
from core.schemas.catalog import CATALOG
from tests.core.managers.pipeline_files import Diary, month_file, parameters, workplace


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for month in ("2021-01", "2021-02"):
        month_file(tmp_path / "data", month)
    return tmp_path / "data"


def files_of(folder: Path, data: Path, version: str) -> dict[str, bytes]:
    execute("r", parameters(data, version=version, design="linear"), workplace(folder), Diary())
    return {path.name: path.read_bytes() for path in (folder / "repo" / "models" / "trip_duration" / version).iterdir()}


def test_a_registered_version_has_a_card_and_drawings_beside_it(tmp_path: Path, data: Path) -> None:
    files = files_of(tmp_path, data, "v1")
    assert set(files) == {"MODEL_CARD.md", "calibration.svg", "residuals.svg", "manifest.json", "model.pickle"}
    card = files["MODEL_CARD.md"].decode()
    assert card.startswith("# trip_duration v1\n")
    assert prose_of("trip_duration").strip() in card
    assert "| green_tripdata_2021-02.parquet | test | 900 | 900 |" in card
    assert "--design linear" in card
    assert all(f"({name})" in card for name in files if name.endswith(".svg"))


def test_the_same_run_elsewhere_gives_the_same_card(tmp_path: Path, data: Path) -> None:
    one, other = (files_of(tmp_path / name, data, "v1") for name in ("one", "other"))
    assert {name for name in one if one[name] != other[name]} <= {"manifest.json"}


@pytest.mark.parametrize("path", sorted(CARDS.glob("*")), ids=lambda path: path.name)
def test_each_text_of_the_tree_belongs_to_a_family(path: Path) -> None:
    assert path.stem in {entry.model for entry in CATALOG}
    assert "## Intended use" in path.read_text()


def test_a_family_nobody_wrote_about_has_no_text(tmp_path: Path) -> None:
    assert prose_of("trip_duration", tmp_path) == ""
