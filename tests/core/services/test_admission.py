import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.services.admission import (
    BOOKABLE,
    MARGIN,
    ROOM,
    Pace,
    Standing,
    places_per_s,
    room_s,
    rows_allowed_ahead,
)

ROW_S = st.floats(1e-6, 10.0)
CALL_S = st.floats(0.0, 10.0)
LAG_S = st.floats(0.0, 2.0)
TIMEOUT_S = st.floats(1e-3, 60.0)
STANDING = st.sampled_from(Standing)
PACES = st.builds(Pace, ROW_S, CALL_S)


@given(st.one_of(PACES, st.builds(Pace)), LAG_S, TIMEOUT_S, STANDING)
def test_a_row_with_none_ahead_is_always_taken(pace: Pace, lag_s: float, timeout_s: float, standing: Standing) -> None:
    assert rows_allowed_ahead(pace, lag_s=lag_s, timeout_s=timeout_s, standing=standing) >= 0


@given(CALL_S, LAG_S, TIMEOUT_S, STANDING)
def test_what_is_not_known_is_no_reason_to_refuse(
    call_s: float, lag_s: float, timeout_s: float, standing: Standing
) -> None:
    pace = Pace(None, call_s)
    assert rows_allowed_ahead(pace, lag_s=lag_s, timeout_s=timeout_s, standing=standing) == math.inf


@given(PACES, LAG_S, TIMEOUT_S)
def test_whoever_was_promised_more_may_have_no_fewer_rows_ahead(pace: Pace, lag_s: float, timeout_s: float) -> None:
    allowed = [rows_allowed_ahead(pace, lag_s=lag_s, timeout_s=timeout_s, standing=standing) for standing in Standing]
    assert allowed == sorted(allowed)


def test_there_is_a_case_in_which_each_rank_is_worth_something() -> None:
    allowed = [rows_allowed_ahead(Pace(0.01), lag_s=0.0, timeout_s=10.0, standing=standing) for standing in Standing]
    assert allowed[0] < allowed[1] < allowed[2]


@given(CALL_S, LAG_S, TIMEOUT_S, STANDING, st.tuples(ROW_S, ROW_S))
def test_the_slower_rows_are_answered_the_fewer_may_be_ahead(
    call_s: float, lag_s: float, timeout_s: float, standing: Standing, row_s: tuple[float, float]
) -> None:
    fast, slow = (
        rows_allowed_ahead(Pace(one, call_s), lag_s=lag_s, timeout_s=timeout_s, standing=standing)
        for one in sorted(row_s)
    )
    assert slow <= fast


@given(PACES, LAG_S, STANDING, st.tuples(TIMEOUT_S, TIMEOUT_S))
def test_the_nearer_the_deadline_the_smaller_the_room(
    pace: Pace, lag_s: float, standing: Standing, timeout_s: tuple[float, float]
) -> None:
    near, far = (room_s(pace, lag_s=lag_s, timeout_s=one, standing=standing) for one in sorted(timeout_s))
    assert near <= far


@given(PACES, TIMEOUT_S, STANDING, st.tuples(LAG_S, LAG_S))
def test_the_longer_a_round_of_the_loop_the_smaller_the_room(
    pace: Pace, timeout_s: float, standing: Standing, lag_s: tuple[float, float]
) -> None:
    short, long = (room_s(pace, lag_s=one, timeout_s=timeout_s, standing=standing) for one in sorted(lag_s))
    assert long <= short


@given(PACES, LAG_S, TIMEOUT_S, STANDING)
def test_whoever_has_to_wait_is_answered_before_the_margin_begins(
    pace: Pace, lag_s: float, timeout_s: float, standing: Standing
) -> None:
    wait_s = room_s(pace, lag_s=lag_s, timeout_s=timeout_s, standing=standing)
    if wait_s > 0:
        assert wait_s + lag_s <= timeout_s * (1 - MARGIN) + 1e-9


@given(st.one_of(PACES, st.builds(Pace)))
def test_no_more_is_promised_than_can_be_served_but_always_something(pace: Pace) -> None:
    places = places_per_s(pace)
    assert places >= 1
    assert places == 1 or (pace.row_s is not None and places * pace.row_s == pytest.approx(BOOKABLE))


def test_only_the_best_standing_may_use_the_whole_room() -> None:
    assert set(ROOM) == set(Standing)
    assert [standing for standing in Standing if ROOM[standing] == 1] == [Standing.BOOKED]
    assert BOOKABLE <= 1
