"""Where no engine can be had, the program says so in one line; only ``--required`` makes that a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from config import ROOT
from tests.chaos.load import Tally
from tests.containers import __main__ as program
from tests.containers.engine import NoEngineError
from tests.containers.project import MakeError
from tests.containers.report import Report
from tests.containers.run import Plan
from tests.containers.test_report import siege


def run_without_docker(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.containers", *arguments],
        cwd=ROOT, env={**os.environ, "PATH": str(folder)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--quick", "--required"), 1)])
def test_without_an_engine_it_says_so(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    done = run_without_docker(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (code, "skipped: docker is not installed\n"), done.stderr


class Runs:
    """Stands for all of it: says what each run ends with, in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ends: Tally | Exception) -> None:
        self.done = 0
        self._ends = ends
        monkeypatch.setattr(program, "run", self._run)
        monkeypatch.setattr(program, "take_one_interrupt", lambda: None)

    def __call__(self, *arguments: str) -> int:
        """Return the exit code of the program."""
        app = typer.Typer()
        app.command()(program.main)
        return CliRunner().invoke(app, arguments).exit_code

    def _run(self, _plan: Plan, report: Report, _folder: Path, **_: object) -> None:
        end = self._ends[self.done]
        self.done += 1
        if isinstance(end, Exception):
            raise end
        report.besieged(siege(end))


GOOD, DIED, LOST = Tally(sent=1, right=1), Tally(sent=2, right=1, died=1), Tally(sent=2, right=1, lost=1)


@pytest.mark.parametrize(
    ("ends", "arguments", "code", "done"),
    [
        ([GOOD], ["--tries", "2"], 0, 1),
        ([DIED], [], 1, 1),
        ([DIED, GOOD], ["--tries", "2"], 0, 2),
        ([MakeError("no room"), GOOD], ["--tries", "2"], 0, 2),
        ([DIED, DIED], ["--tries", "2"], 1, 2),
        ([LOST], ["--tries", "2"], 1, 1),
        ([NoEngineError("none")], ["--tries", "2"], 0, 1),
        ([DIED, NoEngineError("gone")], ["--tries", "2"], 1, 2),
    ],
)
def test_all_of_it_is_tried_as_often_as_allowed_unless_an_answer_was_lost(
    monkeypatch: pytest.MonkeyPatch, ends: list[Tally | Exception], arguments: list[str], code: int, done: int
) -> None:
    runs = Runs(monkeypatch, *ends)
    assert runs(*arguments) == code
    assert runs.done == done
