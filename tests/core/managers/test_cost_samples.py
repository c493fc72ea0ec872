import pytest

from core.managers.cost_samples import CostSamples

CALL_S, ROW_S = 0.02, 0.003


def test_at_first_nothing_is_known() -> None:
    samples = CostSamples()
    assert (samples.rows, samples.seconds, samples.batch_s, samples.call_s) == (0, 0, 0, 0)


def test_call_and_rows_are_told_apart_by_batches_of_different_sizes() -> None:
    samples = CostSamples()
    for rows in (1, 30, 7, 64):
        samples.add(rows, CALL_S + ROW_S * rows, keep=0.9)
    assert samples.call_s == pytest.approx(CALL_S)


def test_batches_of_one_size_tell_only_what_a_row_takes_with_its_share_of_the_call() -> None:
    samples = CostSamples()
    for _ in range(5):
        samples.add(10, CALL_S + ROW_S * 10, keep=0.9)
    assert samples.call_s == 0
    assert samples.batch_s == pytest.approx(CALL_S + ROW_S * 10)
    assert samples.row_s == pytest.approx(CALL_S / 10 + ROW_S)


def test_older_batches_count_less() -> None:
    samples = CostSamples()
    samples.add(10, 1.0, keep=0.5)
    for _ in range(20):
        samples.add(10, 0.1, keep=0.5)
    assert samples.row_s == pytest.approx(0.01, rel=1e-3)
