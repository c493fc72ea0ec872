import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.second_try import MOST, deserve_another

ROOT = Path(__file__).resolve().parents[1]
RIGHT_LATER = """
from pathlib import Path

def test_it():
    with Path("tries").open("a+") as tries:
        tries.write("once more ")
        tries.seek(0)
        assert tries.read().count("more") >= RIGHT_AT

def test_another():
    pass
"""


@pytest.mark.parametrize(
    ("names", "again"),
    [
        ([], False),
        (["tests/e2e/test_predict.py::test_it[a::b/c]"], True),
        (["tests/e2e/test_predict.py::test_it", "tests/core/managers/test_line.py::TestIt::test_it"], True),
        (["tests/e2e/test_predict.py::test_it", "tests/core/services/test_admission.py::test_it"], False),
        (["tests/chaos/test_recovery.py::test_it"], True),
        (["tests/chaos/test_chaos.py::test_it"], False),
        (["tests/e2ee/test_it.py::test_it"], False),
        ([f"tests/e2e/test_predict.py::test_it[{number}]" for number in range(MOST + 1)], False),
    ],
)
def test_tests_of_real_processes_deserve_a_second_try_and_no_others(names: list[str], again: bool) -> None:
    assert deserve_another(names) is again


@pytest.mark.parametrize(
    ("folder", "right_at", "tries", "code"),
    [("e2e", 1, 1, 0), ("e2e", 2, 2, 0), ("e2e", 3, 2, 1), ("core", 2, 1, 1)],
)
def test_what_failed_is_run_once_more_alone_in_a_new_process(
    tmp_path: Path, folder: str, right_at: int, tries: int, code: int
) -> None:
    module = tmp_path / "tests" / folder / "test_it.py"
    module.parent.mkdir(parents=True)
    module.write_text(RIGHT_LATER.replace("RIGHT_AT", str(right_at)))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    run = subprocess.run(
        [sys.executable, "-m", "tests.second_try", "-p", "xdist", "-n", "1", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == code, run.stdout + run.stderr
    assert (tmp_path / "tries").read_text().count("more") == tries
    assert run.stdout.count(f"\n  tests/{folder}/test_it.py::test_it\n") == tries - 1
