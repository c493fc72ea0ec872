from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from core.managers.data_watch import DataWatch
from core.managers.database import open_database
from core.managers.raw_store import RawStore
from core.managers.watched_files import WatchedFiles
from core.services.run_plan import recent_files
from core.utilities.errors import DataError, DownloadError
from tests.core.managers.file_server import Behaviour, file_server
from tests.core.managers.pipeline_files import month_file

JANUARY = "green_tripdata_2021-01.parquet"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield engine
    engine.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "new").mkdir()
    return tmp_path / "new"


def watch(engine: Engine, place: object, tmp_path: Path, *, settle_s: float = 0.0) -> DataWatch:
    return DataWatch(str(place), store=RawStore(tmp_path / "raw"), files=WatchedFiles(engine), settle_s=settle_s)


def test_a_whole_file_is_taken_in_once(engine: Engine, folder: Path, tmp_path: Path) -> None:
    place = watch(engine, folder, tmp_path)
    assert place.look() == []
    month_file(folder, "2021-01")
    assert [snapshot.name for snapshot in place.look()] == [JANUARY]
    assert place.look() == []
    assert RawStore(tmp_path / "raw").names() == {JANUARY}


def test_a_file_that_still_grows_is_left_alone(engine: Engine, folder: Path, tmp_path: Path) -> None:
    place, path = watch(engine, folder, tmp_path, settle_s=3600.0), month_file(folder, "2021-01")
    assert place.look() == place.look() == []
    first = WatchedFiles(engine).known()
    path.write_bytes(path.read_bytes() + b"more")
    assert place.look() == []
    (second,) = WatchedFiles(engine).known()
    assert second.mark != first[0].mark
    assert second.since > first[0].since
    assert RawStore(tmp_path / "raw").names() == set()


def test_another_process_goes_on_where_one_saw_a_file_first(engine: Engine, folder: Path, tmp_path: Path) -> None:
    month_file(folder, "2021-01")
    watch(engine, folder, tmp_path, settle_s=3600.0).look()
    assert watch(engine, folder, tmp_path).look()


def test_a_bad_file_is_told_once_and_looked_at_again_when_it_changes(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    place, path = watch(engine, folder, tmp_path), folder / JANUARY
    path.write_bytes(b"PAR1 and no end")
    assert place.look() == []
    (refused,) = WatchedFiles(engine).known()
    assert refused.error is not None
    assert "truncated" in refused.error
    assert place.look() == []
    assert WatchedFiles(engine).known() == [refused]
    month_file(folder, "2021-01")
    assert place.look()
    assert WatchedFiles(engine).known()[0].error is None


def test_of_two_looks_at_once_one_tells_what_became_of_a_file(engine: Engine, folder: Path, tmp_path: Path) -> None:
    files = WatchedFiles(engine)
    seen = files.see("a", "1")
    assert files.settle(seen, sha256="0" * 64)
    assert not files.settle(seen, error="late")
    assert files.known()[0].error is None
    assert not files.settle(seen.model_copy(update={"mark": "2"}), error="another file since")


def test_other_files_are_not_touched(engine: Engine, folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / "green_tripdata_2021-02.parquet").mkdir()
    assert watch(engine, folder, tmp_path).look() == []
    assert WatchedFiles(engine).known() == []


def test_a_folder_that_is_not_there_is_an_error(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be looked at"):
        watch(engine, tmp_path / "nowhere", tmp_path).look()


def test_recent_months_are_fetched_from_a_server(engine: Engine, folder: Path, tmp_path: Path) -> None:
    newest = recent_files(datetime.now(UTC).date(), taxi="green")[-1]
    content = month_file(folder, "2021-01").read_bytes()
    with file_server(Behaviour(content, only=newest)) as url:
        place = watch(engine, url, tmp_path)
        assert [snapshot.name for snapshot in place.look()] == [newest]
        assert place.look() == []


def test_what_a_server_sends_wrong_is_fetched_once(engine: Engine, tmp_path: Path) -> None:
    newest = recent_files(datetime.now(UTC).date(), taxi="green")[-1]
    behaviour = Behaviour(b"<html>sign in first</html>", only=newest)
    with file_server(behaviour) as url:
        place = watch(engine, url, tmp_path)
        assert place.look() == place.look() == []
    (refused,) = WatchedFiles(engine).known()
    assert refused.error is not None
    assert len(behaviour.requests) == 1


def test_a_server_that_is_away_is_an_error(engine: Engine, tmp_path: Path) -> None:
    with file_server(Behaviour(b"")) as url:
        pass
    with pytest.raises(DownloadError, match="cannot be looked at"):
        watch(engine, url, tmp_path).look()
