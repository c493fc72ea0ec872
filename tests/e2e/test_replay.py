"""What the shipped versions answered over the queue is recorded, and given again bit by bit."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from apps.cli.__main__ import app
from core.managers.record_reader import RecordReader
from core.schemas.catalog import TIP_SHARE, TRIP_DURATION
from tests.e2e.processes import ANSWER_TIMEOUT_S, ROOT, Stack, running, wait_until

pytestmark = pytest.mark.e2e

LINEAR = "2021-01-linear-d0dfed2d"
SINGLES, IN_BATCHES = 600, 400
TIPS = 100
RECORD_TIMEOUT_S = 60.0


def trip(number: int) -> dict[str, object]:
    """A trip such as others are not; every third says when it began."""
    row: dict[str, object] = {
        "PULocationID": 1 + number % 263,
        "DOLocationID": 1 + number * 7 % 263,
        "trip_distance": 1 + number % 60 if number % 5 == 0 else 0.1 + number * 0.37 % 30,
    }
    return row | ({"pickup_datetime": f"2021-03-{1 + number % 28:02d}T{number % 24:02d}:15:00"} if number % 3 else {})


def ask_for_all(stack: Stack) -> None:
    """A thousand trips, alone and in batches, from both versions; and some tips."""
    with httpx.Client(base_url=stack.url, timeout=ANSWER_TIMEOUT_S) as client, ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> None:
            asked = {"model_version": LINEAR} if number % 2 else {}
            body = {"request_id": f"single-{number}", **trip(number), **asked}
            client.post("/v1/trip/predict", json=body).raise_for_status()

        list(pool.map(ask, range(SINGLES)))
        for name, asked in (("champion", {}), ("linear", {"model_version": LINEAR})):
            rows = [trip(SINGLES + number) for number in range(IN_BATCHES // 2)]
            body = {"request_id": name, "trips": rows, **asked}
            client.post("/v1/trip/predict/batch", json=body).raise_for_status()
        tips = [{"PULocationID": 1 + number, "DOLocationID": 2, "fare_amount": 5.0 + number} for number in range(TIPS)]
        client.post("/v1/tip/predict/batch", json={"request_id": "tips", "trips": tips}).raise_for_status()


def recorded(folder: Path) -> dict[str, pl.DataFrame]:
    reader = RecordReader(folder)
    return {entry.model: reader.last(entry.model, 10_000) for entry in (TRIP_DURATION, TIP_SHARE)}


def models_apart(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Give a command on models in a process of its own, as a person would."""
    command = [sys.executable, "-m", "apps.cli", "models", *arguments]
    environment = {**stack.env(), "PATH": "", "COLUMNS": "200"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def models(*arguments: str) -> Result:
    """Give a command on models in this process, which has all that is imported for it."""
    return CliRunner().invoke(app, ["models", *arguments], env={"COLUMNS": "200"})


def test_a_thousand_recorded_predictions_are_given_again_bit_by_bit(
    own_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = own_stack.env(RECORD_ROLL_S="0.5")
    folder = own_stack.folder / "data" / "records"
    wanted = {TRIP_DURATION.model: SINGLES + IN_BATCHES, TIP_SHARE.model: TIPS}
    recorder = running(sys.executable, "-m", "apps.recorder", log=own_stack.folder / "recorder.log", env=env)
    with own_stack.running(RECORD_SHARE="1"), recorder:
        ask_for_all(own_stack)
        wait_until(
            lambda: {model: len(rows) for model, rows in recorded(folder).items()} == wanted,
            timeout_s=RECORD_TIMEOUT_S,
            what="every prediction is in a file, once",
        )

    answer = models_apart(own_stack, "replay", "--last", "1000", "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    rows = json.loads(answer.stdout)
    assert len(rows) == SINGLES + IN_BATCHES
    assert all(row["equal"] for row in rows)
    assert len({row["version"] for row in rows}) == 2
    assert all(isinstance(row["recorded"], float) for row in rows)
    for name, value in own_stack.env().items():
        monkeypatch.setenv(name, value)
    assert models("replay", "--last", "1000", "--model", TIP_SHARE.model).exit_code == 0
    assert models("replay", "single-7", "--version", LINEAR).exit_code == 0
    assert models("replay", "tips").stdout.count("bit-equal") == TIPS
    assert models("replay", "single-8", "--version", LINEAR).exit_code == 1
