from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from core.managers.database import open_database
from core.managers.route_history import RouteHistory
from core.schemas.route import Canary, Route
from core.utilities.errors import RouteRefusedError
from tests.core.managers.postgresql import database
from tests.core.managers.registered import MODEL, WHO, empty, plain


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The same tests over both databases, for real."""
    with database(request.param, tmp_path_factory.mktemp("history")) as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


@pytest.fixture
def history(shared_engine: Engine) -> RouteHistory:
    empty(shared_engine)
    return RouteHistory(plain(shared_engine))


def test_changes_are_kept_with_who_why_and_when_the_newest_first(history: RouteHistory) -> None:
    first = history.applied(MODEL, Route(champion="a", revision=1), action="deploy", who="ada", why="first")
    canary = Route(champion="a", canary=Canary(version="b", share=0.1), shadow="c", revision=2)
    second = history.applied(MODEL, canary, action="canary", who="bob", why="a tenth")
    assert history.changes(MODEL) == [second, first]
    assert (second.route, second.revision, second.action, second.who, second.why) == (
        canary,
        2,
        "canary",
        "bob",
        "a tenth",
    )
    assert second.refused is None
    assert second.at.tzinfo is not None
    assert history.changes(MODEL, limit=1) == [second]
    assert history.changes("tip_share") == []


def test_what_was_refused_is_kept_with_the_reason_and_changes_no_route(history: RouteHistory) -> None:
    history.applied(MODEL, Route(champion="a", revision=1), action="deploy", **WHO)
    refused = history.refused(MODEL, action="deploy", who="ada", why="hurry", reason="b is candidate")
    assert (refused.route, refused.revision, refused.refused) == (None, None, "b is candidate")
    assert history.changes(MODEL)[0] == refused
    assert history.previous(MODEL) is None
    history.refused(MODEL, action="deploy", **WHO, reason="again")  # as often as one likes


def test_it_knows_every_version_that_a_route_has_named(history: RouteHistory) -> None:
    assert history.named(MODEL) == set()
    canary = Route(champion="a", canary=Canary(version="b", share=0.1), shadow="c", revision=1)
    history.applied(MODEL, canary, action="canary", **WHO)
    history.applied(MODEL, Route(champion="d", revision=2), action="deploy", **WHO)
    history.refused(MODEL, action="deploy", **WHO, reason="e is candidate")
    assert history.named(MODEL) == {"a", "b", "c", "d"}


def test_of_two_that_change_the_same_route_the_second_is_refused(history: RouteHistory) -> None:
    history.applied(MODEL, Route(champion="a", revision=1), action="deploy", **WHO)
    with pytest.raises(RouteRefusedError, match="somebody else"):
        history.applied(MODEL, Route(champion="b", revision=1), action="deploy", **WHO)
    history.applied("tip_share", Route(champion="a", revision=1), action="deploy", **WHO)
    assert len(history.changes(MODEL)) == 1


def test_the_route_from_before_the_first_change_can_be_gone_back_to(history: RouteHistory) -> None:
    shipped = Route(champion="shipped")
    history.applied(MODEL, Route(champion="a", revision=1), action="deploy", **WHO, before=shipped)
    history.applied(
        MODEL, Route(champion="b", revision=2), action="deploy", **WHO, before=Route(champion="a", revision=1)
    )
    assert [change.action for change in history.changes(MODEL)] == ["deploy", "deploy", "found"]
    assert history.previous(MODEL) == Route(champion="a", revision=2)


def test_a_route_that_the_database_was_set_back_behind_is_noted_and_can_be_gone_back_to(history: RouteHistory) -> None:
    history.applied(MODEL, Route(champion="a", revision=1), action="deploy", **WHO)
    now = Route(champion="b", revision=7)
    assert history.previous(MODEL, now) == Route(champion="a", revision=7)
    history.applied(MODEL, Route(champion="c", revision=8), action="deploy", **WHO, before=now)
    assert [(change.action, change.revision) for change in history.changes(MODEL)] == [
        ("deploy", 8),
        ("found", 7),
        ("deploy", 1),
    ]
    assert history.previous(MODEL) == Route(champion="b", revision=8)


def test_a_canary_that_the_database_does_not_know_of_is_what_a_rollback_ends(history: RouteHistory) -> None:
    now = Route(champion="b", canary=Canary(version="c", share=0.5), revision=7)
    assert history.previous(MODEL, now) == Route(champion="b", revision=7)
    history.applied(MODEL, Route(champion="a", revision=1), action="deploy", **WHO)
    history.applied(MODEL, Route(champion="b", revision=2), action="deploy", **WHO)
    assert history.previous(MODEL, now) == Route(champion="b", revision=7)


def test_a_rollback_goes_to_the_champion_before_and_said_again_further_back(history: RouteHistory) -> None:
    for revision, champion in enumerate("abc", 1):
        history.applied(MODEL, Route(champion=champion, revision=revision), action="deploy", **WHO)
    assert history.previous(MODEL) == Route(champion="b", revision=3)
    history.applied(MODEL, Route(champion="b", revision=4), action="rollback", **WHO)
    assert history.previous(MODEL) == Route(champion="a", revision=4)


def test_without_a_history_there_is_nothing_to_go_back_to(history: RouteHistory) -> None:
    assert history.previous(MODEL) is None
