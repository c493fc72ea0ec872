"""A log file: lines arrive whole, full disks hurt nobody, old files go."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.utilities.log_file import LogFile

LINE = b'{"message":"x"}\n'
DAY_S = 86_400.0


def _files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_lines_are_appended_to_a_file_named_after_role_and_pid(tmp_path: Path) -> None:
    file = LogFile(directory=tmp_path / "new", process="web")
    file.write(LINE)
    file.write(LINE)

    assert file.path.read_bytes() == LINE * 2
    assert file.path.name.startswith("web-")
    assert file.path.name.endswith(f"-{os.getpid()}.jsonl")
    file.stop()


def test_a_full_file_is_set_aside_and_no_line_is_lost(tmp_path: Path) -> None:
    file = LogFile(directory=tmp_path, process="web", max_bytes=len(LINE) * 2)
    for _ in range(5):
        file.write(LINE)
    file.stop()

    assert _files(tmp_path) == sorted([file.path.name, *(f"{file.path.stem}.{n}.jsonl" for n in (1, 2))])
    assert b"".join((tmp_path / name).read_bytes() for name in _files(tmp_path)) == LINE * 5


def test_a_line_longer_than_a_file_is_still_written(tmp_path: Path) -> None:
    file = LogFile(directory=tmp_path, process="web", max_bytes=4)
    file.write(LINE)
    file.stop()

    assert file.path.read_bytes() == LINE


def test_files_of_dead_processes_are_deleted_by_age(tmp_path: Path) -> None:
    old, young = tmp_path / "worker-host-20200101T000000-1.jsonl", tmp_path / "web-host-20200101T000000-2.3.jsonl"
    for path in (old, young):
        path.write_bytes(LINE)
    os.utime(old, (0, 0))
    file = LogFile(directory=tmp_path, process="web", keep_s=DAY_S)
    file.write(LINE)
    file.stop()

    assert _files(tmp_path) == sorted([young.name, file.path.name])


def test_the_oldest_files_go_when_all_together_are_too_large(tmp_path: Path) -> None:
    for age in range(5):
        path = tmp_path / f"web-host-{age}.jsonl"
        path.write_bytes(LINE)
        os.utime(path, (1_000_000_000 - age, 1_000_000_000 - age))
    LogFile(directory=tmp_path, process="web", keep_bytes=len(LINE) * 2, keep_s=float("inf")).stop()

    assert _files(tmp_path) == ["web-host-0.jsonl", "web-host-1.jsonl"]


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("keep me")
    os.utime(note, (0, 0))
    LogFile(directory=tmp_path, process="web").stop()

    assert _files(tmp_path) == ["note.txt"]


def test_a_file_deleted_under_a_live_process_is_begun_anew(tmp_path: Path) -> None:
    file = LogFile(directory=tmp_path, process="web")
    file.write(LINE)
    file.path.unlink()
    file.write(LINE)

    assert file.path.read_bytes() == LINE
    file.stop()


def test_a_process_that_logs_nothing_leaves_no_file(tmp_path: Path) -> None:
    LogFile(directory=tmp_path, process="web").stop()

    assert _files(tmp_path) == []


def test_a_folder_that_is_a_file_is_refused_at_start(tmp_path: Path) -> None:
    blocked = tmp_path / "logs"
    blocked.write_text("")

    with pytest.raises(OSError, match="logs"):
        LogFile(directory=blocked, process="web")


FULL_DISK = """
import resource, sys
from pathlib import Path
from core.utilities.log_file import LogFile

file = LogFile(directory=Path(sys.argv[1]), process="web")
file.write(b"0123456789\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))
for _ in range(100):
    file.write(b"0123456789\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
file.write(b"whole again\\n")
"""


def test_a_disk_that_fills_up_breaks_nobody_and_is_told_once(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], check=True, capture_output=True, text=True)
    (written,) = tmp_path.iterdir()

    # The line that was cut stands alone; the next one that fits begins a line of its own.
    assert written.read_text() == "0123456789\n01234\nwhole again\n"
    assert len(done.stderr.splitlines()) == 1
    assert "lines lost" in done.stderr
