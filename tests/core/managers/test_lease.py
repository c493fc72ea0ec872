import os
import subprocess
import sys

from core.managers.lease import is_gone, new_owner


def test_this_process_is_not_gone_and_names_itself_anew_each_time() -> None:
    assert not is_gone(new_owner())
    assert new_owner() != new_owner()


def test_a_process_that_ended_is_gone() -> None:
    code = "from core.managers.lease import new_owner; print(new_owner())"
    owner = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert is_gone(owner)


def test_another_process_of_the_same_number_is_not_taken_for_it() -> None:
    host, pid, started, random = new_owner().rsplit("/", 3)
    assert int(pid) == os.getpid()
    assert is_gone(f"{host}/{pid}/{float(started) - 100:.0f}/{random}")


def test_nobody_can_tell_about_another_host() -> None:
    assert not is_gone("elsewhere/999999/0/x")
