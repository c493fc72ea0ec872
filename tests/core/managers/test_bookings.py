import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from core.managers.bookings import TENTHS, Bookings
from core.services.admission import LONGEST_RETRY_S

NOW = 1000.25


def test_clients_that_are_refused_one_after_the_other_fill_the_seconds_in_order() -> None:
    bookings = Bookings()
    told = [bookings.book(1000.0 + number / (2 * TENTHS), places=2) for number in range(2 * TENTHS)]
    assert told[0] == 1
    assert Counter(told) == dict.fromkeys(range(1, TENTHS + 1), 2)


def test_clients_that_are_refused_together_do_not_come_back_together() -> None:
    bookings, places = Bookings(), 5 * TENTHS
    told = Counter(bookings.book(NOW, places=places) for _ in range(places))
    assert max(told.values()) <= places / TENTHS
    assert None not in told


def test_once_all_seconds_are_full_nothing_is_promised() -> None:
    bookings = Bookings()
    for _ in range(LONGEST_RETRY_S):
        bookings.book(NOW, places=1)
    assert [bookings.book(NOW + 0.5, places=1) for _ in range(3)] == [None] * 3


def test_each_second_that_passes_brings_another_into_reach() -> None:
    bookings = Bookings()
    for _ in range(LONGEST_RETRY_S):
        bookings.book(NOW, places=1)
    assert [bookings.book(NOW + 1, places=1) for _ in range(2)] == [LONGEST_RETRY_S, None]
    assert [bookings.book(NOW + 3, places=1) for _ in range(3)] == [LONGEST_RETRY_S - 1, LONGEST_RETRY_S, None]


def test_a_second_that_is_over_leaves_nothing_behind() -> None:
    bookings = Bookings()
    for _ in range(LONGEST_RETRY_S):
        bookings.book(NOW, places=1)
    later = NOW + 1000 * LONGEST_RETRY_S
    assert [bookings.book(later, places=1) for _ in range(2)] == [1, 2]


@given(
    st.floats(0.0, 1e6),
    st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(1.0, 5.0)), max_size=200),
)
def test_no_second_is_promised_to_more_than_it_has_places(start: float, steps: list[tuple[float, float]]) -> None:
    bookings, now, booked = Bookings(), start, Counter[int]()
    most = math.ceil(max((places for _, places in steps), default=1.0))
    for passed, places in steps:
        now += passed
        seconds = bookings.book(now, places=places)
        if seconds is not None:
            assert 1 <= seconds <= LONGEST_RETRY_S
            booked[int(now) + seconds] += 1
    assert max(booked.values(), default=0) <= most
