import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from config import ROOT
from core.managers.checkpoints import Checkpoints, key_of
from core.managers.codecs import JsonCodec

CODEC = JsonCodec(list[int])
KEY = key_of({"a": 1})

# Writes half of its output, says so, and waits to be killed.
KILLED = """
import sys, time
from pathlib import Path
from core.managers.checkpoints import Checkpoints
class Slow:
    def save(self, value, folder):
        (folder / "value.json").write_text("[1,")
        print("half", flush=True)
        time.sleep(60)
Checkpoints(Path(sys.argv[1])).save("step", sys.argv[2], [1], Slow())
"""


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path)


def folders(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "step").iterdir())


def test_what_was_saved_is_loaded_with_the_same_hash(checkpoints: Checkpoints) -> None:
    saved = checkpoints.save("step", KEY, [1, 2], CODEC)
    assert saved.value == [1, 2]
    assert checkpoints.load("step", KEY, CODEC) == saved


def test_another_key_or_step_has_nothing(checkpoints: Checkpoints) -> None:
    checkpoints.save("step", KEY, [1], CODEC)
    assert checkpoints.load("step", key_of({"a": 2}), CODEC) is None
    assert checkpoints.load("other", KEY, CODEC) is None


def test_the_same_value_has_the_same_hash_and_another_another(checkpoints: Checkpoints) -> None:
    hashes = [checkpoints.save("step", key, value, CODEC).sha256 for key, value in (("a", [1]), ("b", [1]), ("c", [2]))]
    assert hashes[0] == hashes[1] != hashes[2]


def test_what_was_changed_is_computed_again(checkpoints: Checkpoints, tmp_path: Path) -> None:
    checkpoints.save("step", KEY, [1], CODEC)
    (tmp_path / "step" / KEY / "value.json").write_text("[2]")
    assert checkpoints.load("step", KEY, CODEC) is None
    checkpoints.save("step", KEY, [1], CODEC)
    loaded = checkpoints.load("step", KEY, CODEC)
    assert loaded is not None
    assert loaded.value == [1]


def test_a_kill_in_the_middle_leaves_nothing_that_counts(checkpoints: Checkpoints, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), KEY]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        os.kill(process.pid, signal.SIGKILL)
    assert checkpoints.load("step", KEY, CODEC) is None
    assert checkpoints.save("step", KEY, [1], CODEC).value == [1]


def test_of_two_who_compute_the_same_one_is_kept(checkpoints: Checkpoints, tmp_path: Path) -> None:
    both = threading.Barrier(2)

    class Together(JsonCodec):
        def save(self, value: object, folder: Path) -> None:
            super().save(value, folder)
            both.wait(timeout=60)

    threads = [
        threading.Thread(target=checkpoints.save, args=("step", KEY, [1], Together(list[int]))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folders(tmp_path) == [KEY]


def test_a_step_that_fails_leaves_nothing(checkpoints: Checkpoints, tmp_path: Path) -> None:
    class Broken(JsonCodec):
        def save(self, value: object, folder: Path) -> None:
            super().save(value, folder)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        checkpoints.save("step", KEY, [1], Broken(list[int]))
    assert folders(tmp_path) == []
