import numpy as np
import pytest

from core.handlers.version_diff import compare

NAN = float("nan")


def test_figures_of_a_known_difference() -> None:
    first = np.arange(101, dtype=np.float64)
    apart = np.arange(101)[::-1] / 10
    told = compare(first, first - apart, bound=9.0, worst=2)
    assert (told.rows, told.failed) == (101, (0, 0))
    assert (told.mean_abs, told.median_abs, told.p95_abs, told.max_abs) == pytest.approx((5.0, 5.0, 9.5, 10.0))
    assert told.share_beyond == pytest.approx(10 / 101)
    assert told.quantiles["0.5"] == pytest.approx((50.0, 45.0))
    assert told.worst == [0, 1]


def test_rows_that_one_of_them_fails_on_are_counted_and_left_out() -> None:
    told = compare(np.array([1.0, NAN, 3.0, 4.0]), np.array([NAN, 2.0, 3.0, 6.0]), bound=1.0)
    assert (told.rows, told.failed, told.max_abs, told.worst) == (2, (1, 1), 2.0, [3])


def test_the_same_version_has_no_worst_row() -> None:
    assert compare(np.ones(5), np.ones(5), bound=0.0).worst == []


def test_without_rows_there_are_no_figures() -> None:
    told = compare(np.array([NAN]), np.array([1.0]), bound=1.0)
    assert (told.rows, told.mean_abs, told.share_beyond, told.quantiles) == (0, None, None, {})
