"""The command line of bulk scoring where nothing runs; ``tests/e2e/test_bulk.py`` scores."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apps.cli.__main__ import app

GOOD = "PULocationID,DOLocationID,trip_distance\n130,205,3.0\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    (tmp_path / "in.csv").write_text(GOOD)
    return tmp_path / "in.csv"


def predict(source: Path, output: Path, *options: str) -> Result:
    arguments = ["predict", "--input", str(source), "--output", str(output), *options]
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def one_line(result: Result) -> str:
    """Return the only line of a command that failed, which is on stderr."""
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_without_a_system_it_gives_up_with_one_line_and_leaves_nothing(source: Path) -> None:
    result = predict(source, source.with_name("out.csv"), "--patience-s", "0")
    assert one_line(result).startswith("predict: no broker within 0 s at redis://127.0.0.1:1/0; start the system")
    assert list(source.parent.iterdir()) == [source]


def test_who_waits_is_told_what_for(source: Path) -> None:
    result = predict(source, source.with_name("out.csv"), "--patience-s", "1.5")
    waits, gave_up = result.stderr.splitlines()
    assert waits == "predict: no broker yet at redis://127.0.0.1:1/0; waits 1.5 s at most"
    assert "within 1.5 s" in gave_up


def test_an_output_that_is_there_is_not_replaced(source: Path) -> None:
    output = source.with_name("out.csv")
    output.write_text("precious")
    assert "is there already" in one_line(predict(source, output))
    assert output.read_text() == "precious"


def test_an_unknown_model_is_refused_and_the_known_ones_are_named(source: Path) -> None:
    assert "trip_duration" in one_line(predict(source, source.with_name("out.csv"), "--model", "tip"))


@pytest.mark.parametrize("name", ["in.txt", "missing.csv"])
def test_an_input_that_cannot_be_read_is_refused(source: Path, name: str) -> None:
    assert one_line(predict(source.with_name(name), source.with_name("out.csv"))).startswith("predict: ")


def test_a_wrong_setting_is_one_line(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "no")
    assert "HTTP_PORT" in one_line(predict(source, source.with_name("out.csv")))
