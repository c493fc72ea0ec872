"""What a log line says."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from loguru import logger

from core.utilities.log_line import json_line, terminal_format

if TYPE_CHECKING:
    from loguru import Message


class Estimator:
    """Its repr raises, as that of a model from another scikit-learn does."""

    def __repr__(self) -> str:
        raise AttributeError("tol")


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """Every line logged by the test, decoded."""
    logged: list[dict[str, Any]] = []

    def sink(message: "Message") -> None:
        line = json_line(message.record, process="worker")
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        logged.append(json.loads(line))

    handler = logger.add(sink, format=lambda _: "", catch=False)
    yield logged
    logger.remove(handler)


def test_a_line_names_time_level_logger_caller_message_process_and_bound_fields(lines: list[dict[str, Any]]) -> None:
    logger.bind(request_id="99999", predict_ms=0.25).info("batch predicted")

    (line,) = lines
    assert datetime.fromisoformat(line["time"]).utcoffset() == UTC.utcoffset(None)
    assert line["level"] == "INFO"
    assert line["logger"] == __name__
    assert line["caller"].startswith("test_a_line_names_")
    assert (line["message"], line["process"], line["request_id"]) == ("batch predicted", "worker", "99999")
    assert line["predict_ms"] == pytest.approx(0.25)
    assert line["pid"] > 0


def test_an_exception_is_text_inside_the_line(lines: list[dict[str, Any]]) -> None:
    try:
        int("three")
    except ValueError:
        logger.exception("no number")

    assert "invalid literal for int() with base 10: 'three'" in lines[0]["exception"]
    assert lines[0]["exception"].startswith("Traceback")


def test_a_bound_field_does_not_overwrite_what_the_line_says(lines: list[dict[str, Any]]) -> None:
    logger.bind(message="forged", pid=0).info("real")

    assert (lines[0]["message"], lines[0]["field_message"], lines[0]["field_pid"]) == ("real", "forged", 0)


def test_passwords_are_hidden_in_message_fields_and_exception(lines: list[dict[str, Any]]) -> None:
    url = "redis://:s3cret@db:6379/0"
    logger.opt(exception=ConnectionError(url)).bind(broker=url).error("cannot reach {}", url)

    assert "s3cret" not in json.dumps(lines)
    assert lines[0]["broker"] == "redis://:***@db:6379/0"


def test_any_object_can_be_bound(lines: list[dict[str, Any]]) -> None:
    logger.bind(
        model=Estimator(),
        path=Path("a/b"),
        error=ValueError("why"),
        names={"x"},
        at=datetime(2021, 1, 1, tzinfo=UTC),
        counts={1: 2},
    ).info("objects")

    line = lines[0]
    assert (line["model"], line["path"], line["error"], line["names"]) == ("<Estimator>", "a/b", "why", ["x"])
    assert (line["at"], line["counts"]) == ("2021-01-01T00:00:00Z", {"1": 2})


def test_what_orjson_refuses_is_still_logged(lines: list[dict[str, Any]]) -> None:
    logger.bind(big=2**70, half="\ud800").info("odd")

    assert lines[0]["big"] == 2**70
    assert lines[0]["half"] == "\ud800"


def test_a_line_for_people_shows_message_and_fields_as_they_are() -> None:
    shown: list[str] = []
    handler = logger.add(shown.append, format=terminal_format)
    logger.bind(request_id="{<red>}", rows=2).info("braces {} and <tags> stay")
    logger.remove(handler)

    assert shown[0].rstrip("\n").endswith("braces {} and <tags> stay request_id={<red>} rows=2")
