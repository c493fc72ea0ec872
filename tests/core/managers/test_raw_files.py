from pathlib import Path

import pytest

from core.managers.raw_files import RawFiles
from core.managers.raw_store import RawStore
from core.utilities.errors import DataError, DownloadError
from tests.core.handlers.tlc_files import month_of_trips
from tests.core.managers.file_server import Behaviour, file_server

NAME = "green_tripdata_2021-01.parquet"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RawStore:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return RawStore(tmp_path / "raw")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return month_of_trips(tmp_path / "data" / NAME)


@pytest.mark.parametrize("given", [lambda file: file, lambda file: file.parent])
def test_a_given_file_or_folder_is_looked_in(store: RawStore, file: Path, given: object) -> None:
    snapshot = RawFiles(store, data=[given(file)]).obtain("green", "2021-01")  # type: ignore[operator]
    assert (snapshot.name, snapshot.source) == (NAME, str(file))


def test_given_data_are_not_mixed_with_what_is_in_the_store(store: RawStore, file: Path, tmp_path: Path) -> None:
    store.ingest(file)
    with pytest.raises(DataError, match=f"no {NAME} in"):
        RawFiles(store, data=[tmp_path / "raw"]).obtain("green", "2021-01")


def test_without_given_data_the_store_is_asked_first(store: RawStore, file: Path) -> None:
    known = store.ingest(file)
    assert RawFiles(store, url="http://127.0.0.1:9").obtain("green", "2021-01") == known


def test_what_is_nowhere_is_downloaded_and_taken_in(store: RawStore, file: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with file_server(Behaviour(file.read_bytes())) as url:
        files = RawFiles(store, url=url, progress=lambda *arguments: told.append(arguments))
        snapshot = files.obtain("green", "2021-01")
    assert snapshot.source == f"{url}/{NAME}"
    assert store.open(snapshot).read_bytes() == file.read_bytes()
    assert told[-1] == (NAME, snapshot.size_bytes, snapshot.size_bytes)
    assert list((tmp_path / "raw" / "downloads").iterdir()) == []


def test_a_server_that_cannot_be_reached_is_an_error_that_names_the_way_out(store: RawStore) -> None:
    with pytest.raises(DownloadError, match="make train DATA="):
        RawFiles(store, url="http://127.0.0.1:9").obtain("green", "2021-01")
