"""One launcher at a time uses a folder."""

import os
import subprocess
from pathlib import Path

import pytest

from boot.local.errors import LaunchError
from boot.local.lock import exclusive
from tests.boot.local.conftest import python


def test_a_second_launcher_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:

    with (
        exclusive(tmp_path),
        pytest.raises(LaunchError, match=f"Already running: process {os.getpid()} uses "),
        exclusive(tmp_path, wait_s=0),
    ):
        pass


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with exclusive(tmp_path / "broker", wait_s=0):
            assert (tmp_path / "broker" / "lock").exists()


def test_a_child_that_inherits_the_lock_holds_it(tmp_path: Path) -> None:
    with exclusive(tmp_path) as lock:
        spec = python("import sys; sys.stdin.read()", tmp_path)
        broker = subprocess.Popen(spec.command, stdin=subprocess.PIPE, pass_fds=(lock,))
    try:
        with pytest.raises(LaunchError, match="Already running"), exclusive(tmp_path, wait_s=0):
            pass
    finally:
        broker.communicate()
    with exclusive(tmp_path, wait_s=0):
        pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(LaunchError, match="Cannot keep the broker's data in"), exclusive(tmp_path / "file"):
        pass
