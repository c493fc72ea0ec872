"""A tethered process ends with its parent."""

import os
import subprocess
import sys

import pytest

from boot import tether
from boot.tether import tethered
from tests.boot.processes import alive, until

PARENT = """
import subprocess, sys
from boot.tether import tethered
child = subprocess.Popen(tethered((sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()")),
                         stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_child_in_a_session_of_its_own_dies_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.kill()
    parent.communicate()

    until(lambda: not alive(child))


def test_the_command_takes_the_place_of_the_tether() -> None:
    done = subprocess.run(
        tethered((sys.executable, "-c", "import os; print(os.getppid())")), check=True, capture_output=True, text=True
    )

    assert int(done.stdout) == os.getpid()


def test_a_child_whose_parent_is_gone_already_does_not_start() -> None:
    not_its_parent = str(os.getppid())
    done = subprocess.run(
        [sys.executable, tether.__file__, not_its_parent, "echo", "started"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (1, "")
