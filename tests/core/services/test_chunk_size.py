from hypothesis import example, given
from hypothesis import strategies as st

from core.services.chunk_size import FIRST_ROWS, GROWTH, TARGET_MS, next_chunk_rows

rows = st.integers(1, 10_000)


@given(current=rows, part=st.floats(0, 1), took_ms=st.floats(0, 1e6), max_rows=rows)
@example(current=10, part=1.0, took_ms=5e-324, max_rows=100)
def test_a_chunk_has_a_row_and_never_more_than_allowed_nor_grows_at_once(
    current: int, part: float, took_ms: float, max_rows: int
) -> None:
    current = min(current, max_rows)
    size = next_chunk_rows(current, rows=max(1, int(current * part)), took_ms=took_ms, max_rows=max_rows)
    assert 1 <= size <= min(max_rows, GROWTH * current)


@given(cost_ms=st.floats(1e-4, 1e3), fixed_ms=st.floats(0, 5), max_rows=rows)
def test_the_size_settles_where_a_chunk_takes_the_target(cost_ms: float, fixed_ms: float, max_rows: int) -> None:
    size = min(FIRST_ROWS, max_rows)
    for _ in range(20):
        size = next_chunk_rows(size, rows=size, took_ms=fixed_ms + cost_ms * size, max_rows=max_rows)
    took_ms = fixed_ms + cost_ms * size
    assert took_ms <= TARGET_MS + cost_ms or size == 1
    assert size == max_rows or took_ms + 2 * cost_ms + 1 >= TARGET_MS * 0.7


def test_the_rest_of_a_block_says_nothing_unless_it_took_too_long() -> None:
    assert next_chunk_rows(1000, rows=3, took_ms=1.0, max_rows=2048) == 1000
    assert next_chunk_rows(1000, rows=3, took_ms=75.0, max_rows=2048) == 1


def test_a_model_that_turns_slow_is_noticed_at_once() -> None:
    assert next_chunk_rows(2048, rows=2048, took_ms=2048.0, max_rows=2048) == 25
