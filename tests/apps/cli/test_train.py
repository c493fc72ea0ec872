import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apps.cli.__main__ import app
from core.managers.artifacts import find_champion, load_version
from core.managers.database import open_database
from core.managers.registry import Registry
from core.managers.route_board import RouteBoard
from core.managers.route_history import RouteHistory
from core.managers.version_files import read_route
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Route
from tests.apps.api.conftest import NOWHERE
from tests.core.managers.file_server import Behaviour, file_server
from tests.core.managers.pipeline_files import month_file
from tests.core.managers.registered import plain
from tests.core.managers.version_worker import version_worker
from tests.e2e.processes import Broker


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "repo"))
    monkeypatch.setenv("CELERY_RESULT_BACKEND", NOWHERE)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "models"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for month in ("2021-01", "2021-02"):
        month_file(tmp_path / "data", month)
    return tmp_path / "data"


def train(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, arguments)], env={"COLUMNS": "200"})


def one_line(result: Result) -> str:
    """Return the only line of a command that failed, which is on stderr."""
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_a_folder_of_months_becomes_a_version_that_serves(models_dir: Path, data: Path) -> None:
    result = train("--data", data, "--champion")
    assert result.exit_code == 0, result.output
    assert "2021-02" in result.stdout
    model = load_version(find_champion(models_dir, "trip_duration"), entry=TRIP_DURATION)
    assert model.version in result.stdout
    assert model.manifest is not None
    assert list(model.manifest.training_data) == ["green_tripdata_2021-01.parquet"]


def test_the_champion_is_approved_and_its_route_noted_with_no_redis_at_hand(models_dir: Path, data: Path) -> None:
    assert train("--data", data, "--version", "one", "--champion").exit_code == 0
    assert train("--data", data, "--version", "two", "--champion").exit_code == 0
    assert read_route(models_dir, "trip_duration") == Route(champion="two", revision=2)
    engine = open_database(f"sqlite:///{models_dir.parent / 'repo' / 'runs.sqlite'}")
    newest, _ = RouteHistory(plain(engine)).changes("trip_duration")
    assert (newest.action, newest.why) == ("deploy", "train --champion")
    events = Registry(engine, models_dir).events("trip_duration", "two")
    engine.dispose()
    assert [(event.event, event.why) for event in events][1:] == [("approve", "train --champion")]


def test_the_champion_reaches_a_system_that_runs(
    models_dir: Path, data: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_RESULT_BACKEND", broker.url)
    train("--data", data, "--version", "one", "--champion")
    with version_worker("w1", broker, models_dir) as held:
        assert train("--data", data, "--version", "two", "--champion").exit_code == 0
        assert held.holds("trip_duration", "two")
    board = RouteBoard(broker.url)
    assert board.read() == {"trip_duration": read_route(models_dir, "trip_duration")}
    board.close()


def test_a_champion_that_a_worker_cannot_load_is_one_line_and_the_old_one_stays(
    models_dir: Path, data: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_RESULT_BACKEND", broker.url)
    train("--data", data, "--version", "one", "--champion")
    with version_worker("w1", broker, models_dir, pinned="one"):
        refused = train("--data", data, "--version", "two", "--champion")
    assert refused.exit_code == 1
    assert "TRIP_DURATION_MODEL of worker w1" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert read_route(models_dir, "trip_duration").champion == "one"


def test_files_may_be_given_one_by_one_and_the_version_named(models_dir: Path, data: Path) -> None:
    files = [argument for path in data.iterdir() for argument in ("--data", path)]
    assert train(*files, "--train-month", "2021-01", "--test-month", "2021-02", "--version", "mine").exit_code == 0
    manifest = json.loads((models_dir / "trip_duration" / "mine" / "manifest.json").read_text())
    assert list(manifest["training_data"]) == ["green_tripdata_2021-01.parquet"]


def test_train_is_short_for_a_run_of_the_pipeline(models_dir: Path, data: Path) -> None:
    first = train("--data", data)
    result = CliRunner().invoke(app, ["pipeline", "run", "--data", str(data)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    told, again = (answer.stdout.replace("\n", "").rpartition("stored in ")[2] for answer in (first, result))
    assert told == again


def test_several_months_may_be_trained_on(models_dir: Path, data: Path) -> None:
    month_file(data, "2021-03")
    result = train("--data", data, "--train-month", "2021-01", "--train-month", "2021-02", "--version", "two")
    assert result.exit_code == 0, result.output
    assert "2021-01, 2021-02" in result.stdout
    manifest = json.loads((models_dir / "trip_duration" / "two" / "manifest.json").read_text())
    assert manifest["metrics"]["evaluation"]["rows"] == 900
    assert len(manifest["training_data"]) == 2


def test_without_champion_the_route_stays(models_dir: Path, data: Path) -> None:
    assert train("--data", data).exit_code == 0
    assert not (models_dir / "trip_duration" / "route.json").exists()


def test_the_same_training_again_gives_the_same_version(models_dir: Path, data: Path) -> None:
    assert train("--data", data).exit_code == train("--data", data).exit_code == 0
    assert len(list((models_dir / "trip_duration").iterdir())) == 1


def test_what_comes_next_is_said_by_what_the_version_is(models_dir: Path, data: Path) -> None:
    assert "apps.cli models approve one --why …, then models canary" in train("--data", data, "--version", "one").stdout
    change = ("--why", "seen", "--who", "ada")
    assert CliRunner().invoke(app, ["models", "approve", "one", *change]).exit_code == 0
    assert "apps.cli models canary or models deploy" in train("--data", data, "--version", "one").stdout
    assert CliRunner().invoke(app, ["models", "retire", "one", *change]).exit_code == 0
    assert "retired and cannot answer; python -m apps.cli models show one tells why" in (
        train("--data", data, "--version", "one").stdout
    )


def test_a_version_is_not_trained_over(models_dir: Path, data: Path) -> None:
    train("--data", data, "--version", "mine")
    month_file(data, "2021-01", pace=2.1)
    assert "exists already" in one_line(train("--data", data, "--version", "mine"))


def test_the_champion_is_compared_on_the_same_trips(models_dir: Path, data: Path) -> None:
    train("--data", data, "--version", "old", "--champion")
    assert "champion old on the same test trips" in train("--data", data, "--version", "new").stdout


def test_a_run_that_fails_names_its_step_and_the_way_on(models_dir: Path, data: Path) -> None:
    (data / "green_tripdata_2021-02.parquet").write_bytes(b"PAR1")
    line = one_line(train("--data", data))
    assert re.search(r"failed at step ingest; to go on: python -m apps.cli pipeline resume [0-9a-f-]{36}\)$", line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--train-month", "2021-13"], "a month is written"),
        (["--train-month", "January"], "a month is written"),
        (["--train-month", "2021-02"], "no green_tripdata_2021-03.parquet"),
        (["--train-month", "2021-02", "--test-month", "2021-01"], "every test month must lie after"),
        (["--taxi", "blue"], "taxis: Input should be 'green' or 'yellow'"),
        (["--version", "../x"], "version: "),
    ],
)
def test_a_wrong_argument_is_one_line(models_dir: Path, data: Path, arguments: list[str], message: str) -> None:
    assert message in one_line(train("--data", data, *arguments))


def test_a_wrong_setting_is_one_line(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setenv("HTTP_PORT", "many")
    assert "HTTP_PORT" in one_line(train("--data", data))


def test_without_data_the_months_are_downloaded(models_dir: Path, data: Path, tmp_path: Path) -> None:
    content = (data / "green_tripdata_2021-01.parquet").read_bytes()
    with file_server(Behaviour(content)) as url:
        train("--source", url)
    taken_in = (tmp_path / "repo" / "raw").glob("*/green_*.json")
    assert sorted(path.name for path in taken_in) == [
        "green_tripdata_2021-01.parquet.json",
        "green_tripdata_2021-02.parquet.json",
    ]


def test_a_download_that_is_no_parquet_is_one_line(models_dir: Path) -> None:
    with file_server(Behaviour(b"<html>sign in first</html>")) as url:
        result = train("--source", url)
    assert "not a readable file of green-taxi trips" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_without_a_network_it_says_so_in_one_line_and_names_the_way_out(models_dir: Path) -> None:
    with file_server(Behaviour(b"")) as url:
        pass
    result = train("--source", url)
    assert result.exit_code == 1
    assert "no connection" in result.stderr
    assert "make train DATA=" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.output


def test_a_file_of_limits_wins_over_the_familys(models_dir: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "strict.yaml").write_text("quality:\n  rows_min: 1000\n")
    line = one_line(train("--data", data, "--limits", tmp_path / "strict.yaml"))
    assert "green_tripdata_2021-01.parquet: number of rows is 900, allowed: 1,000 or more" in line
    assert not (models_dir / "trip_duration").exists()


def test_a_wrong_file_of_limits_is_one_line(models_dir: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("gate:\n  rmse: 3\n")
    line = one_line(train("--data", data, "--limits", tmp_path / "wrong.yaml"))
    assert line == "train: wrong.yaml: gate.rmse: Extra inputs are not permitted"
    assert not models_dir.exists()
