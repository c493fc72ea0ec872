"""Logging of a process, as the process sees it: each test starts one, since logging is the process's own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

START = """
import logging, sys, warnings
from pathlib import Path
from loguru import logger
from core.utilities.logging import configure_logging
logs = Path(sys.argv[1])
"""
BOTH = START + "configure_logging(directory=logs, process='web', level='INFO')\n"
FILE_ONLY = START + "configure_logging(directory=logs, process='web', level='INFO', terminal=False)\n"


def _run(script: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, directory],
        env={**os.environ, "NO_COLOR": "", "FORCE_COLOR": "", **environment},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _lines(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(directory.glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_a_line_goes_to_the_file_as_json_and_to_the_terminal_for_people(tmp_path: Path) -> None:
    done = _run(BOTH + "logger.bind(request_id='7').info('hello {}', 'there')", tmp_path)

    (line,) = _lines(tmp_path)
    assert (line["message"], line["request_id"], line["process"]) == ("hello there", "7", "web")
    assert done.stderr.rstrip().endswith("__main__ hello there request_id=7")
    assert "\x1b" not in done.stderr


def test_the_terminal_can_be_left_out(tmp_path: Path) -> None:
    assert _run(FILE_ONLY + "logger.error('quiet')", tmp_path).stderr == ""
    assert [line["message"] for line in _lines(tmp_path)] == ["quiet"]


def test_colour_is_used_when_it_is_asked_for(tmp_path: Path) -> None:
    assert "\x1b[" in _run(BOTH + "logger.info('x')", tmp_path, FORCE_COLOR="1").stderr


def test_the_standard_librarys_records_keep_level_logger_and_caller(tmp_path: Path) -> None:
    script = """
def caller():
    logging.getLogger("uvicorn.error").warning("port %d {}", 8182)
caller()
logging.getLogger("x").log(25, "between")
"""
    _run(FILE_ONLY + script, tmp_path)

    first, second = _lines(tmp_path)
    assert (first["level"], first["logger"], first["message"]) == ("WARNING", "uvicorn.error", "port 8182 {}")
    assert first["caller"].startswith("caller:")
    assert (second["level"], second["message"]) == ("Level 25", "between")


def test_loggers_that_others_had_set_up_are_taken_over(tmp_path: Path) -> None:
    script = """
other = logging.getLogger("gunicorn.error")
other.addHandler(logging.StreamHandler())
other.propagate = False
configure_logging(directory=logs, process="web", level="INFO", terminal=False)
other.error("once")
"""
    done = _run(START + script, tmp_path)

    assert [line["message"] for line in _lines(tmp_path)] == ["once"]
    assert done.stderr == ""


def test_exceptions_and_warnings_of_the_standard_library_are_logged(tmp_path: Path) -> None:
    script = """
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("x").exception("failed")
logging.getLogger("x").exception("nothing failed")
warnings.warn("beware")
"""
    _run(FILE_ONLY + script, tmp_path)

    failed, nothing, warned = _lines(tmp_path)
    assert "ZeroDivisionError: division by zero" in failed["exception"]
    assert "exception" not in nothing
    assert "beware" in warned["message"]


def test_a_call_whose_arguments_do_not_fit_its_format_is_logged_all_the_same(tmp_path: Path) -> None:
    _run(FILE_ONLY + "logging.getLogger('x').warning('%d rows', 'three')", tmp_path)

    assert [line["message"] for line in _lines(tmp_path)] == ["%d rows ('three',)"]


@pytest.mark.parametrize(("level", "expected"), [("INFO", []), ("DEBUG", ["Task received"])])
def test_a_line_a_task_is_written_at_debug_only(tmp_path: Path, level: str, expected: list[str]) -> None:
    script = f"""
configure_logging(directory=logs, process="worker", level="{level}", terminal=False)
logging.getLogger("celery.worker.strategy").info("Task received")
"""
    _run(START + script, tmp_path)

    assert [line["message"] for line in _lines(tmp_path)] == expected


def test_a_second_call_replaces_the_first(tmp_path: Path) -> None:
    script = FILE_ONLY + "configure_logging(directory=logs, process='worker', level='INFO', terminal=False)\n"
    _run(script + "logger.info('once')", tmp_path)

    assert [(line["process"], line["message"]) for line in _lines(tmp_path)] == [("worker", "once")]


def test_a_folder_that_cannot_be_written_leaves_the_terminal_and_one_warning(tmp_path: Path) -> None:
    blocked = tmp_path / "logs"
    blocked.write_text("")
    done = _run(FILE_ONLY + "logger.info('still here')", blocked)

    warning, line = done.stderr.splitlines()
    assert "WARNING" in warning
    assert str(blocked) in warning
    assert line.endswith("still here")


def test_a_terminal_that_is_gone_does_not_break_the_caller(tmp_path: Path) -> None:
    _run(BOTH + "sys.stderr.close(); logger.error('nobody sees'); sys.stdout.write('alive')", tmp_path)

    assert [line["message"] for line in _lines(tmp_path)] == ["nobody sees"]


def test_the_terminal_never_shows_a_password(tmp_path: Path) -> None:
    done = _run(BOTH + "logger.info('broker {}', 'redis://:s3cret@db/0')", tmp_path)

    assert "s3cret" not in done.stderr
    assert "redis://:***@db/0" in done.stderr


def test_greenlets_log_without_hanging(tmp_path: Path) -> None:
    script = """
import gevent
def work(number):
    for step in range(50):
        logger.bind(number=number).info("step")
        gevent.sleep(0)
gevent.joinall([gevent.spawn(work, number) for number in range(20)], raise_error=True, timeout=30)
"""
    _run("from gevent import monkey; monkey.patch_all()\n" + FILE_ONLY + script, tmp_path)

    assert sorted(line["number"] for line in _lines(tmp_path)) == sorted(list(range(20)) * 50)
