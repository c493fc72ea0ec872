import subprocess
import sys
import time

import pytest

from tests.promises import check_time, tried_thrice

LIMIT_S = 1.0
LONG_LIMIT_S = 6.0
"""Where nothing may end: long enough that a starved machine does not count as a standstill."""


def watched(deed: str, *, limit_s: float) -> tuple[float, int, str, str]:
    """Run a watched process; return its seconds from its beginning, exit status and what it said."""
    command = [sys.executable, "-m", "tests.core.managers.watched", str(limit_s), deed]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        began = float(process.stdout.readline())
        try:
            output, complaint = process.communicate(timeout=30)
        finally:
            process.kill()
    return time.monotonic() - began, process.returncode, output, complaint


@pytest.mark.parametrize("deed", ["sleep", "hold the GIL", "hold the GIL unasked"])
@tried_thrice
def test_a_process_that_stands_still_is_ended_within_a_second_of_its_limit(deed: str) -> None:
    seconds, status, output, complaint = watched(deed, limit_s=LIMIT_S)
    assert (status, output) == (1, "")
    assert seconds > LIMIT_S / 2
    check_time(seconds, LIMIT_S + 1, what="the end")
    assert "Timeout" in complaint
    assert "in main" in complaint


@pytest.mark.parametrize("deed", ["compute often", "stop first"])
def test_a_process_is_left_alone_if_it(deed: str) -> None:
    _, status, output, _ = watched(deed, limit_s=LONG_LIMIT_S if deed == "compute often" else LIMIT_S)
    assert (status, output) == (0, "done\n")
