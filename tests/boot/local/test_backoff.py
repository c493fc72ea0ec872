"""When a child that died is started again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boot.local.backoff import DELAY_MAX_S, LIVED_LONG_S, deaths_in_a_row, restart_delay_s


def test_the_first_restart_is_at_once_and_later_ones_wait_ever_longer() -> None:
    assert [restart_delay_s(deaths) for deaths in range(1, 9)] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


@given(deaths=st.integers(min_value=1, max_value=10**9))
def test_the_wait_is_bounded_and_never_shrinks(deaths: int) -> None:
    assert 0.0 <= restart_delay_s(deaths) <= restart_delay_s(deaths + 1) <= DELAY_MAX_S


def test_no_death_has_no_delay_to_tell() -> None:
    with pytest.raises(ValueError, match="no death"):
        restart_delay_s(0)


def test_a_long_life_clears_the_record() -> None:
    assert deaths_in_a_row(4, lived_s=LIVED_LONG_S - 0.1) == 5
    assert deaths_in_a_row(4, lived_s=LIVED_LONG_S) == 1
