from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from core.managers.automatic_run import start_if_new
from core.managers.database import open_database
from core.managers.raw_store import RawStore
from core.managers.runs import Runs
from core.schemas.run import Run
from tests.core.managers.pipeline_files import month_file, workplace
from tests.core.managers.postgresql import database


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with database(request.param, tmp_path) as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


def take_in(folder: Path, month: str, *, pace: float = 2.0) -> None:
    RawStore(workplace(folder).raw_dir).ingest(month_file(folder / "files", month, pace=pace))


def start(engine: Engine, folder: Path) -> Run | None:
    return start_if_new(Runs(engine), workplace(folder), train_months=1)


def test_a_run_starts_for_what_is_new_and_no_second_one(engine: Engine, tmp_path: Path) -> None:
    take_in(tmp_path, "2021-01")
    assert start(engine, tmp_path) is None
    take_in(tmp_path, "2021-02")
    run = start(engine, tmp_path)
    assert run is not None
    assert (run.parameters.train_months, run.parameters.test_months) == (("2021-01",), ("2021-02",))
    assert [waiting.id for waiting in Runs(engine).left_to_workers()] == [run.id]
    assert start(engine, tmp_path) is None
    take_in(tmp_path, "2021-02")
    assert start(engine, tmp_path) is None


def test_a_changed_month_is_new_and_so_is_a_later_one(engine: Engine, tmp_path: Path) -> None:
    for month in ("2021-01", "2021-02"):
        take_in(tmp_path, month)
    assert start(engine, tmp_path)
    take_in(tmp_path, "2021-02", pace=2.1)
    assert start(engine, tmp_path)
    take_in(tmp_path, "2021-03")
    run = start(engine, tmp_path)
    assert run is not None
    assert run.parameters.test_months == ("2021-03",)


def test_a_run_that_failed_is_not_started_again_by_itself(engine: Engine, tmp_path: Path) -> None:
    for month in ("2021-01", "2021-02"):
        take_in(tmp_path, month)
    run = start(engine, tmp_path)
    assert run is not None
    Runs(engine).claim(run.id).fail("bad data")
    assert start(engine, tmp_path) is None


def test_of_many_schedulers_that_notice_the_same_one_starts_a_run(engine: Engine, tmp_path: Path) -> None:
    for month in ("2021-01", "2021-02"):
        take_in(tmp_path, month)
    with ThreadPoolExecutor(4) as threads:
        started = list(threads.map(lambda _: start(engine, tmp_path), range(4)))
    assert len([run for run in started if run is not None]) == 1
    assert len(Runs(engine).newest()) == 1
