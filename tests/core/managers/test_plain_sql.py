from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from core.managers.database import open_database
from core.managers.plain_sql import Condition, PlainDatabase, TakenError, UnmetError
from core.managers.rollout import open_plain
from core.managers.version_tables import RouteChangeRow
from core.utilities.errors import DatabaseUnavailableError
from tests.core.managers.postgresql import database

NOTE = "insert into route_changes (model, revision, route, action, who, why, at) values (?, ?, ?, ?, ?, ?, ?)"
AT = datetime(2026, 11, 21, 16, 14, 8, 123456, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database(request.param, tmp_path) as url:
        yield url


def change(revision: int) -> tuple[str, tuple[object, ...]]:
    return NOTE, ("m", revision, '{"champion": "a"}', "deploy", "ada", "why", AT)


def test_a_new_database_gets_its_tables_and_a_known_one_is_left_alone(url: str) -> None:
    assert not PlainDatabase(url).is_current()
    assert open_plain(url).is_current()
    assert open_plain(url).rows("select count(*) from route_changes") == [(0,)]


def test_what_is_written_plainly_is_what_sqlalchemy_reads(url: str) -> None:
    plain = open_plain(url)
    plain.write(change(1))
    engine = open_database(url)
    with Session(engine) as session:
        (row,) = session.query(RouteChangeRow).all()
        assert (row.model, row.revision, row.route, row.at) == ("m", 1, {"champion": "a"}, AT)
        session.add(RouteChangeRow(model="m", revision=2, route={}, action="deploy", who="ada", why="why", at=AT))
        session.commit()
    engine.dispose()
    read = plain.rows("select at from route_changes order by revision")
    assert [plain.time(at) for (at,) in read] == [AT, AT]


def test_all_is_written_or_nothing(url: str) -> None:
    plain = open_plain(url)
    with pytest.raises(TakenError):
        plain.write(change(1), change(1))
    assert plain.rows("select revision from route_changes") == []


def test_what_is_written_on_a_condition_is_not_where_that_is_not_met(url: str) -> None:
    def deployed(rows: int) -> Condition:
        return Condition(sql="select id from route_changes where action = ?", values=("deploy",), rows=rows)

    plain = open_plain(url)
    with pytest.raises(UnmetError):
        plain.write(change(1), condition=deployed(1))
    plain.write(change(1), condition=deployed(0))
    plain.write(change(2), condition=deployed(1))
    assert plain.rows("select revision from route_changes order by revision") == [(1,), (2,)]


def test_a_condition_holds_until_what_it_was_for_is_written(url: str) -> None:
    plain, engine = open_plain(url), open_database(url)
    plain.write(change(1))
    condition = Condition(sql="select id from route_changes where revision = ?", values=(1,), rows=1)
    with ThreadPoolExecutor(1) as pool, Session(engine) as session:
        with session.begin():
            session.query(RouteChangeRow).delete()  # somebody else is faster, and not done yet
            writing = pool.submit(plain.write, change(2), condition=condition)
            with pytest.raises(TimeoutError):
                writing.result(timeout=0.3)
        with pytest.raises(UnmetError):
            writing.result(timeout=30)
    engine.dispose()
    assert plain.rows("select revision from route_changes") == []


def test_a_database_that_is_away_is_an_error_without_its_url(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for url in (f"sqlite:///{tmp_path / 'file' / 'db.sqlite'}", "postgresql://me:secret@127.0.0.1:1/postgres"):
        with pytest.raises(DatabaseUnavailableError) as raised:
            PlainDatabase(url).rows("select 1")
        assert "secret" not in str(raised.value)
        assert "file" not in str(raised.value)


def test_a_file_with_options_in_its_url_is_the_same_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a b%.sqlite'}"
    open_plain(url).write(change(1))
    with_options = open_plain(f"{url}?timeout=5")
    with_options.write(change(2))
    assert open_plain(url).rows("select count(*) from route_changes") == [(2,)]
