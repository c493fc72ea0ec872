from pathlib import Path

import pytest

from core.managers.limit_files import GATES, load_limits, read_limits
from core.schemas.catalog import CATALOG
from core.schemas.limits import FamilyLimits
from core.utilities.errors import SettingsError


def written(folder: Path, text: str) -> Path:
    path = folder / "anything.yaml"
    path.write_text(text)
    return path


def test_a_file_names_some_limits_and_the_others_have_their_defaults(tmp_path: Path) -> None:
    limits = read_limits(written(tmp_path, "gate:\n  rmse_max: 3\n"))
    assert limits.gate.rmse_max == 3.0
    assert limits.quality == FamilyLimits().quality


def test_a_family_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    assert load_limits("anything", tmp_path) == FamilyLimits()


def test_an_empty_file_holds_the_defaults(tmp_path: Path) -> None:
    assert read_limits(written(tmp_path, "# nothing yet\n")) == FamilyLimits()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gate:\n  rmse_maximum: 3\n", "anything.yaml: gate.rmse_maximum: Extra inputs are not permitted"),
        ("gate:\n  rmse_max: '3'\n", "anything.yaml: gate.rmse_max: Input should be a valid number"),
        ("quality:\n  null_share: 2\n", "anything.yaml: quality.null_share: .* less than or equal to 1"),
        ("quality:\n  null_share: .nan\n", "anything.yaml: quality.null_share: .* finite"),
        ("- gate\n", "anything.yaml: content: "),
        ("gate: {\n", r"anything.yaml is not YAML \(line 2\)"),
        (
            "gate:\n  noise_factor: 1\n  noise_factor: 2\n",
            r"anything.yaml is not YAML \(line 2\): a key is given twice",
        ),
        ("gate: !!python/object/apply:os.getcwd []\n", "anything.yaml is not YAML"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=f"^{complaint}") as raised:
        read_limits(written(tmp_path, text))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_said_to_be_unreadable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^anything\.yaml cannot be read"):
        read_limits(tmp_path / "anything.yaml")


@pytest.mark.parametrize("path", sorted(GATES.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_file_of_the_tree_is_valid_and_belongs_to_a_family(path: Path) -> None:
    assert path.stem in {entry.model for entry in CATALOG}
    assert read_limits(path).gate.rmse_max is not None
