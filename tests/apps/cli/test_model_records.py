import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apps.cli.__main__ import app
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.core.managers.record_rows import new_record
from tests.core.managers.recorded import store_records

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The versions ``pace-1`` and ``pace-2``; recorded are four trips of 1 to 4 miles by the first."""
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MODEL_ALLOWED_CLASSES", ",".join(CLASSES))
    for pace in (1, 2):
        store_paced(tmp_path / "models", pace)
    miles = range(1, 5)
    answers = [new_record(f"r{mile}", version="pace-1", prediction=float(mile), time=NOON + mile) for mile in miles]
    folder = tmp_path / "data" / "records"
    store_records(folder, *answers, values=[(130, 205, float(mile), None) for mile in miles])
    return folder


def cli(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments)], env={"COLUMNS": "300"})


def test_a_recorded_prediction_is_given_again() -> None:
    result = cli("replay", "r3")
    assert (result.exit_code, "bit-equal" in result.stdout) == (0, True)
    assert "pace-1 answered 3.0, and again 3.0" in result.stdout


def test_an_auditor_need_not_know_where_the_command_stands() -> None:
    result = CliRunner().invoke(app, ["replay", "r3"], env={"COLUMNS": "300"})
    assert (result.exit_code, result.stdout) == (0, cli("replay", "r3").stdout)


def test_another_version_is_shown_beside_the_recorded_answer() -> None:
    result = cli("replay", "r3", "--version", "pace-2")
    assert result.exit_code == 1
    assert "pace-1 answered 3.0, pace-2 6.0: different" in result.stdout
    (row,) = json.loads(cli("replay", "r3", "--version", "pace-2", "--json").stdout)
    assert (row["recorded"], row["prediction"], row["equal"]) == (3.0, 6.0, False)


def test_the_last_rows_are_counted_and_those_that_differ_shown(records: Path) -> None:
    assert "4 rows, 4 bit-equal, 0 different" in cli("replay", "--last", 10).stdout
    store_records(records, new_record("odd", version="pace-1", prediction=3.5, time=NOON + 9))
    result = cli("replay", "--last", 2)
    assert result.exit_code == 1
    assert "pace-1: 2 rows, 1 bit-equal, 1 different" in result.stdout
    assert "odd[0]" in result.stdout
    assert "r4[0]" not in result.stdout


@pytest.mark.parametrize("arguments", [("replay", "nobody"), ("replay", "r3", "--version", "pace-9")])
def test_what_is_not_there_ends_with_two(arguments: tuple[str, ...]) -> None:
    result = cli(*arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("replay", "nobody"), ("diff", "pace-1", "pace-2", "--on", "2020-01-01")])
def test_who_finds_nothing_is_told_what_decides_that(arguments: tuple[str, ...]) -> None:
    assert "RECORD_SHARE" in cli(*arguments).stderr


def test_two_versions_are_compared_on_a_period() -> None:
    result = cli("diff", "pace-1", "pace-2", "--on", "2026-11-20", "--bound", 2)
    assert result.exit_code == 0
    assert "4 rows; recorded answers used: 4 of pace-1, 0 of pace-2" in result.stdout
    assert "mean 2.5, median 2.5" in result.stdout
    assert "beyond 2: 50.00 %" in result.stdout
    assert "r4[0]" in result.stdout


def test_figures_of_a_comparison_as_json() -> None:
    told = json.loads(cli("diff", "pace-1", "pace-2", "--last", 2, "--json").stdout)
    assert (told["rows"], told["mean_abs"], told["share_beyond"], told["recorded"]) == (2, 3.5, 1.0, [2, 0])
    assert told["worst"][0] | {"features": None} == {
        "request_id": "r4",
        "row": 0,
        "features": None,
        "pace-1": 4.0,
        "pace-2": 8.0,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay",),
        ("replay", "r3", "--last", 3),
        ("diff", "pace-1", "pace-2"),
        ("diff", "pace-1", "pace-1", "--last", 3),
        ("diff", "pace-1", "pace-2", "--on", "2026-11-21"),
        ("diff", "pace-1", "pace-2", "--on", "soon"),
        ("diff", "pace-1", "pace-9", "--last", 3),
    ],
)
def test_what_cannot_be_is_told_in_one_line(arguments: tuple[object, ...]) -> None:
    result = cli(*arguments)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
