from collections.abc import Callable
from pathlib import Path

import pytest

from core.managers.downloads import fetch, green_trips_file
from core.utilities.errors import DataError, DownloadError
from tests.core.managers.file_server import Behaviour, direct_client, file_server

CONTENT = bytes(range(256)) * 1000
Progress = list[tuple[int, int]]


def accept(_: Path) -> None:
    """Any content is right."""


def refuse(path: Path) -> None:
    raise DataError(f"{path.name} is garbage")


def download(
    behaviour: Behaviour, target: Path, *, check: Callable[[Path], None] = accept, progress: Progress | None = None
) -> Path:
    seen = progress if progress is not None else []
    with file_server(behaviour) as url, direct_client() as client:
        return fetch(client, f"{url}/f", target, check=check, progress=lambda here, whole: seen.append((here, whole)))


def test_a_file_arrives_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    progress: Progress = []
    target = download(Behaviour(CONTENT), tmp_path / "raw" / "f", progress=progress)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["f"]
    assert progress[-1] == (len(CONTENT), len(CONTENT))


def test_a_file_that_is_there_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"mine")
    behaviour = Behaviour(CONTENT)
    download(behaviour, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"mine"
    assert behaviour.requests == []


def test_a_broken_download_says_so_and_continues_where_it_broke(tmp_path: Path) -> None:
    with pytest.raises(DownloadError):
        download(Behaviour(CONTENT, cut_after=100_000), tmp_path / "f")
    assert not (tmp_path / "f").exists()
    here = (tmp_path / "f.part").stat().st_size
    assert 0 < here <= 100_000
    behaviour = Behaviour(CONTENT)
    assert download(behaviour, tmp_path / "f").read_bytes() == CONTENT
    assert behaviour.requests[0]["Range"] == f"bytes={here}-"


def test_a_file_that_changed_meanwhile_starts_anew(tmp_path: Path) -> None:
    with pytest.raises(DownloadError):
        download(Behaviour(b"old" * 1000, cut_after=1000), tmp_path / "f")
    assert download(Behaviour(CONTENT, etag='"two"'), tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("behaviour", [Behaviour(CONTENT, ranges=False), Behaviour(CONTENT, etag=None)])
def test_a_server_that_cannot_continue_sends_it_all_again(tmp_path: Path, behaviour: Behaviour) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT[:500])
    assert download(behaviour, tmp_path / "f").read_bytes() == CONTENT


def test_a_part_that_is_whole_already_only_gets_its_name(tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT)
    (tmp_path / "f.part.etag").write_text('"one"')
    assert download(Behaviour(CONTENT), tmp_path / "f").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_removed(tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT + b"x")
    (tmp_path / "f.part.etag").write_text('"one"')
    with pytest.raises(DownloadError, match="try again"):
        download(Behaviour(CONTENT), tmp_path / "f")
    assert download(Behaviour(CONTENT), tmp_path / "f").read_bytes() == CONTENT


def test_another_part_than_asked_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT[:500])
    (tmp_path / "f.part.etag").write_text('"one"')
    with pytest.raises(DownloadError, match="another part"):
        download(Behaviour(CONTENT, shift=7), tmp_path / "f")


def test_content_that_is_wrong_is_removed_for_good(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="garbage"):
        download(Behaviour(CONTENT), tmp_path / "f", check=refuse)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "message"), [(403, "no such file"), (404, "no such file"), (500, "answered 500")])
def test_an_error_of_the_server_is_told_in_one_line(tmp_path: Path, status: int, message: str) -> None:
    with pytest.raises(DownloadError, match=message):
        download(Behaviour(b"sorry", status=status), tmp_path / "f")


def test_without_a_connection_it_says_so(tmp_path: Path) -> None:
    with file_server(Behaviour(CONTENT)) as url:
        pass
    with direct_client() as client, pytest.raises(DownloadError, match="no connection"):
        fetch(client, url, tmp_path / "f", check=accept, progress=lambda *_: None)


def test_a_target_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot download"):
        download(Behaviour(CONTENT), tmp_path / "file" / "f")


def test_a_months_file_is_named_as_the_tlc_names_it() -> None:
    assert green_trips_file("2021-01") == "green_tripdata_2021-01.parquet"
