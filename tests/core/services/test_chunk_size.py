from hypothesis import example, given
from hypothesis import strategies as st

from core.services.chunk_size import FIRST_ROWS, GROWTH, TARGET_MS, ChunkPace, next_chunk_rows, next_pace

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


def settled(*, cost_ms: float, fixed_ms: float, max_rows: int) -> ChunkPace:
    """The pace after a while of chunks that cost what they are said to."""
    pace = ChunkPace(rows=min(FIRST_ROWS, max_rows))
    for _ in range(40):
        pace = next_pace(pace, rows=pace.rows, took_ms=fixed_ms + cost_ms * pace.rows, max_rows=max_rows)
    return pace


@given(cost_ms=st.floats(1e-4, 1e3), fixed_ms=st.floats(0, 5), max_rows=rows)
def test_where_cutting_helps_chunks_are_cut_to_the_target(cost_ms: float, fixed_ms: float, max_rows: int) -> None:
    pace = settled(cost_ms=cost_ms, fixed_ms=fixed_ms, max_rows=max_rows)
    took_ms = fixed_ms + cost_ms * pace.rows
    assert took_ms <= TARGET_MS + cost_ms or pace.rows == 1
    assert pace.rows == max_rows or took_ms + 2 * cost_ms + 1 >= TARGET_MS * 0.7


@given(cost_ms=st.floats(1e-4, 1), fixed_ms=st.floats(TARGET_MS, 1e3), max_rows=rows)
@example(cost_ms=0.001, fixed_ms=30.0, max_rows=10_000)
def test_a_cost_that_no_cut_makes_smaller_is_paid_seldom(cost_ms: float, fixed_ms: float, max_rows: int) -> None:
    pace = settled(cost_ms=cost_ms, fixed_ms=fixed_ms, max_rows=max_rows)
    assert pace.rows == max_rows or cost_ms * pace.rows >= 0.5 * fixed_ms
    assert cost_ms * pace.rows <= 2 * fixed_ms or pace.rows <= FIRST_ROWS


@given(
    chunks=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e6)), min_size=1, max_size=20),
    max_rows=rows,
)
def test_whatever_chunks_take_the_next_has_a_row_and_never_more_than_allowed(
    chunks: list[tuple[float, float]], max_rows: int
) -> None:
    pace = ChunkPace(rows=min(FIRST_ROWS, max_rows))
    for part, took_ms in chunks:
        before = pace.rows
        pace = next_pace(pace, rows=max(1, int(before * part)), took_ms=took_ms, max_rows=max_rows)
        assert 1 <= pace.rows <= min(max_rows, GROWTH * before)


def test_the_rest_of_a_block_leaves_the_pace_where_a_cost_is_fixed() -> None:
    pace = ChunkPace(rows=4096, fixed_ms=30.0, seen=(1024, 31.0))
    assert next_pace(pace, rows=10, took_ms=31.0, max_rows=5000).rows == 4096


def test_a_model_that_turns_slow_beside_a_fixed_cost_is_noticed() -> None:
    pace = ChunkPace(rows=2048, fixed_ms=20.0, seen=(2048, 22.0))
    for _ in range(4):
        pace = next_pace(pace, rows=pace.rows, took_ms=1.0 * pace.rows, max_rows=5000)
    assert pace.rows <= 2 * TARGET_MS
