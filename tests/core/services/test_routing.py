import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.schemas.route import Canary, Route
from core.services.routing import choose_version

SHARES = st.floats(0.01, 0.99)


def route(share: float, canary: str = "new") -> Route:
    return Route(champion="old", canary=Canary(version=canary, share=share))


@given(SHARES, st.text(min_size=1, max_size=128))
def test_the_same_id_is_answered_by_the_same_version(share: float, request_id: str) -> None:
    assert choose_version(route(share), request_id) == choose_version(route(share), request_id)


@given(SHARES, SHARES, st.text(min_size=1, max_size=128))
def test_who_is_in_a_share_stays_in_a_larger_one(one: float, other: float, request_id: str) -> None:
    if choose_version(route(min(one, other)), request_id) == "new":
        assert choose_version(route(max(one, other)), request_id) == "new"


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", ["{}", "order-{:08d}", "{:x}"])
def test_the_share_is_right_whatever_ids_look_like(share: float, name: str) -> None:
    ids = 20_000
    chosen = sum(choose_version(route(share), name.format(number)) == "new" for number in range(ids))
    assert abs(chosen - ids * share) < 5 * math.sqrt(ids * share * (1 - share))


def test_another_canary_is_another_sample() -> None:
    ids = [str(number) for number in range(2_000)]
    one = {name for name in ids if choose_version(route(0.5, "a"), name) == "a"}
    other = {name for name in ids if choose_version(route(0.5, "b"), name) == "b"}
    assert 300 < len(one & other) < 700


def test_without_a_canary_the_champion_answers() -> None:
    assert choose_version(Route(champion="old", shadow="new"), "1") == "old"
