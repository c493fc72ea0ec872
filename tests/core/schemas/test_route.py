import pytest
from pydantic import ValidationError

from core.schemas.route import Canary, Route


def test_it_names_its_versions_the_champion_first() -> None:
    route = Route(champion="a", canary=Canary(version="b", share=0.1), shadow="c")
    assert route.answering == ("a", "b")
    assert route.versions == ("a", "b", "c")
    assert Route.model_validate_json(route.model_dump_json()) == route


@pytest.mark.parametrize(
    "parts",
    [
        {"champion": "a", "shadow": "a"},
        {"champion": "a", "canary": {"version": "a", "share": 0.1}},
        {"champion": "a", "canary": {"version": "b", "share": 0.1}, "shadow": "b"},
    ],
)
def test_a_version_has_one_part(parts: object) -> None:
    with pytest.raises(ValidationError, match="different versions"):
        Route.model_validate(parts)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan"), "much"])
def test_a_share_is_between_none_and_all(share: object) -> None:
    with pytest.raises(ValidationError):
        Canary.model_validate({"version": "b", "share": share})


def test_a_file_with_a_champion_alone_is_a_route() -> None:
    assert Route.model_validate({"champion": "a"}).revision == 0
