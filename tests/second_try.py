"""pytest, with a second try for a few failed tests of real processes: ``python -m tests.second_try`` for ``pytest``.

They are tried in a process of its own, one after another, with nothing else beside them. Why, and what is never tried
twice: docs/adr/0011.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import PurePosixPath

import pytest

WITH_PROCESSES = tuple(
    PurePosixPath("tests") / name
    for name in (
        "apps", "bench", "boot", "chaos/test_recovery.py", "containers", "core/handlers", "core/managers",
        "core/utilities", "e2e", "tasks",
    )
)  # fmt: skip
"""Tests of real processes, threads and files, which a machine that stalls can fail; not the faults under load."""
MOST = 100
"""What all share can fail as well, and many tests with it; where still more failed a second try only takes time."""


class Failures:
    """A plugin that notes which tests failed, in whatever process of the run and in whatever phase."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test once."""
        if report.failed and report.nodeid not in self.names:
            self.names.append(report.nodeid)


def deserve_another(names: Sequence[str]) -> bool:
    """Tell whether these failed tests, by their node ids, are tried a second time: all of them or none."""
    return 0 < len(names) <= MOST and all(_has_processes(name) for name in names)


def _has_processes(name: str) -> bool:
    return any(PurePosixPath(name.split("::", maxsplit=1)[0]).is_relative_to(part) for part in WITH_PROCESSES)


def main(arguments: Sequence[str]) -> int:
    """Run pytest; return its exit status, that of the second try if there is one."""
    failures = Failures()
    status = pytest.main(list(arguments), plugins=[failures])
    if status != pytest.ExitCode.TESTS_FAILED or not deserve_another(failures.names):
        return int(status)
    listed = "\n  ".join(failures.names)
    sys.stdout.write(f"\nSECOND TRY, of these alone; that they failed is a finding all the same:\n  {listed}\n")
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", "pytest", *failures.names], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
