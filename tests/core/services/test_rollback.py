from datetime import UTC, datetime

import pytest

from core.schemas.route import Canary, Route
from core.schemas.version import RouteChange
from core.services.rollback import previous_route


def change(action: str, champion: str | None, *, canary: str | None = None, shadow: str | None = None) -> RouteChange:
    """Return a change to that route, or one that was refused."""
    part = None if canary is None else Canary(version=canary, share=0.1)
    route = None if champion is None else Route(champion=champion, canary=part, shadow=shadow, revision=7)
    revision = None if route is None else 7
    return RouteChange(
        model="m", revision=revision, route=route, action=action, who="ada", why="x", at=datetime.now(UTC), refused=None
    )


def deploys(*champions: str) -> list[RouteChange]:
    return [change("deploy", champion) for champion in champions]


@pytest.mark.parametrize(
    ("changes", "champion"),
    [
        ([], None),
        (deploys("a"), None),
        (deploys("a", "b"), "a"),
        (deploys("a", "b", "c"), "b"),
        ([*deploys("a", "b", "c"), change("rollback", "b")], "a"),
        ([*deploys("a", "b"), change("rollback", "a")], None),
        ([*deploys("a", "b"), change("rollback", "a"), *deploys("c")], "a"),
        ([*deploys("a", "b"), change("rollback", "a"), *deploys("b")], "a"),
        ([*deploys("a", "b", "a")], "b"),
        ([*deploys("a", "b"), change("deploy", None)], "a"),
        ([*deploys("a"), change("canary", "a", canary="b")], "a"),
        ([*deploys("a"), change("canary", "a", canary="b"), change("promote", "b")], "a"),
        ([*deploys("a", "b"), change("canary", "b", canary="c"), change("rollback", "b")], "a"),
        ([*deploys("a", "b"), change("canary", "b", canary="c"), change("stop_canary", "b")], "a"),
        ([*deploys("a", "b"), change("shadow", "b", shadow="c")], "a"),
        # What could not be spread has answered nobody.
        ([*deploys("a", "b", "c"), change("undo", "b")], "a"),
        ([*deploys("a", "b"), change("rollback", "a"), change("undo", "b")], "a"),
        ([*deploys("a", "b"), change("canary", "b", canary="c"), change("undo", "b")], "a"),
        (
            [*deploys("a"), change("canary", "a", canary="b"), change("promote", "b"), change("undo", "a", canary="b")],
            "a",
        ),
        # A rollback to what the history does not know, made by hand.
        ([*deploys("a", "b"), change("rollback", "z")], "b"),
    ],
)
def test_a_rollback_leads_to_one_version_alone(changes: list[RouteChange], champion: str | None) -> None:
    expected = None if champion is None else Route(champion=champion, revision=7)
    assert previous_route(changes) == expected
