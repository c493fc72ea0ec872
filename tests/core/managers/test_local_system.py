import fcntl
from pathlib import Path

import pytest

from boot.local.lock import exclusive
from core.managers.local_system import LOCK, NOTE, LocalSystem, announce_system, find_system

SYSTEM = LocalSystem(models_dir="/models", broker_url="redis://one:1/0", result_backend_url="redis://two:2/0")


def test_a_system_is_found_while_its_lock_is_held(tmp_path: Path) -> None:
    assert find_system(tmp_path) is None
    with exclusive(tmp_path):
        announce_system(tmp_path, SYSTEM)
        assert find_system(tmp_path) == SYSTEM
    assert (tmp_path / NOTE).exists()
    assert find_system(tmp_path) is None


def test_who_looks_holds_nothing_up(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        announce_system(tmp_path, SYSTEM)
    find_system(tmp_path)
    with (tmp_path / LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_later_system_replaces_an_earlier_one_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    later = LocalSystem(models_dir="/models", broker_url="redis://one:3/0", result_backend_url="redis://two:4/0")
    with exclusive(tmp_path):
        announce_system(tmp_path, SYSTEM)
        announce_system(tmp_path, later)
        assert find_system(tmp_path) == later
    assert (tmp_path / NOTE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"models_dir": "/models", "port": 1}'])
def test_what_is_no_note_is_no_system(content: str, tmp_path: Path) -> None:
    with exclusive(tmp_path):
        (tmp_path / NOTE).write_text(content)
        assert find_system(tmp_path) is None
