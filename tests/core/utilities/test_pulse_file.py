from pathlib import Path

import pytest
from loguru import logger

from core.utilities.pulse_file import PulseFile


def test_the_last_sign_of_life_stands_alone(tmp_path: Path) -> None:
    pulse = PulseFile(tmp_path / "pulse")
    pulse.write("first, and longer")
    pulse.write("second")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"pulse": "second"}


def test_where_it_cannot_be_written_that_is_said_once_and_it_is_tried_again(tmp_path: Path) -> None:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    pulse = PulseFile(tmp_path / "missing" / "pulse")
    pulse.write("a")
    pulse.write("b")
    logger.remove(sink)
    assert len(lines) == 1
    (tmp_path / "missing").mkdir()
    pulse.write("c")
    assert (tmp_path / "missing" / "pulse").read_text() == "c"


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    PulseFile(None).write("anything")
    assert list(tmp_path.iterdir()) == []
