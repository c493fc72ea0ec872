import pickle
import time
from pathlib import Path

import pytest

from bench.dial import DURATION_MIN, DialModel, turn, write_dial
from tests.promises import check_time, tried_thrice


@pytest.fixture
def dial_and_model(tmp_path: Path) -> tuple[Path, DialModel]:
    dial, file = write_dial(tmp_path)
    return dial, pickle.loads(file.read_bytes())


def burnt_s(model: DialModel, rows: int) -> float:
    started = time.thread_time()
    assert model.transform({"trip_distance": [1.0] * rows}).tolist() == [DURATION_MIN] * rows
    return time.thread_time() - started


@tried_thrice
def test_a_call_burns_what_the_dial_says_for_itself_and_for_each_row(dial_and_model: tuple[Path, DialModel]) -> None:
    dial, model = dial_and_model

    turn(dial, per_call_us=20_000, per_row_us=1_000)

    for rows, seconds in ((1, 0.021), (20, 0.040)):
        burnt = burnt_s(model, rows)
        assert burnt >= seconds - 0.001
        check_time(burnt, seconds + 0.005, what=f"a call with {rows} rows")


def test_it_can_be_turned_while_it_serves(dial_and_model: tuple[Path, DialModel]) -> None:
    dial, model = dial_and_model
    turn(dial, per_call_us=20_000, per_row_us=0)
    slow = burnt_s(model, 1)

    turn(dial, per_call_us=0, per_row_us=0)

    assert burnt_s(model, 1) < slow / 2
