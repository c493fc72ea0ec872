import numpy as np

from core.handlers.portrait import CALIBRATION_BINS, RESIDUAL_BINS, portray

RANDOM = np.random.default_rng(3)
LABELS = RANDOM.uniform(1, 60, 5_000)


def test_a_model_that_is_right_lies_on_the_diagonal() -> None:
    bins = portray(LABELS, LABELS).calibration
    assert len(bins) == CALIBRATION_BINS
    assert sum(part.rows for part in bins) == len(LABELS)
    assert all(part.predicted == part.actual for part in bins)
    assert [part.predicted for part in bins] == sorted(part.predicted for part in bins)


def test_a_model_that_promises_too_much_lies_below_the_diagonal() -> None:
    assert all(part.actual < part.predicted for part in portray(LABELS + 3, LABELS).calibration)


def test_every_residual_is_counted_and_zero_lies_in_the_middle() -> None:
    errors = RANDOM.normal(0, 3, len(LABELS))
    errors[0] = 1_000_000.0
    told = portray(LABELS + errors, LABELS).residuals
    assert sum(told.rows) == len(LABELS)
    assert (len(told.rows), len(told.edges)) == (RESIDUAL_BINS, RESIDUAL_BINS + 1)
    assert told.edges[0] == -told.edges[-1]
    assert told.edges[-1] < 20
    assert told.rows[-1] > 0


def test_a_model_without_errors_and_a_handful_of_rows_can_be_portrayed() -> None:
    told = portray(LABELS[:3], LABELS[:3])
    assert sum(told.residuals.rows) == 3
    assert [part.rows for part in told.calibration] == [1, 1, 1]
