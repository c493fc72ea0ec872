from core.services.chunk_size import FIRST_ROWS
from core.services.shadow_pace import HEAVY_MS, MAX_REST_S, SHARE, ShadowPace, next_pace

MOST = 2000


def test_a_shadow_whose_chunks_are_short_is_given_ever_more_and_never_rests() -> None:
    pace = ShadowPace()
    given = [pace.rows]
    while given[-1] < MOST:
        pace = next_pace(pace.rows, chunks=10, took_ms=10 * HEAVY_MS, max_rows=MOST)
        assert pace.rest_s == 0.0
        given.append(pace.rows)
    assert given == [FIRST_ROWS, 128, 512, MOST]


def test_one_whose_single_rows_take_long_takes_its_share_of_the_time() -> None:
    pace, given = ShadowPace(), []
    while not pace.rest_s:
        given.append(pace.rows)
        pace = next_pace(pace.rows, chunks=1, took_ms=400.0, max_rows=MOST)
    assert given == [FIRST_ROWS, 8, 2, 1]
    assert pace.rows == 1
    assert abs(0.4 / (0.4 + pace.rest_s) - SHARE) < 1e-9


def test_a_machine_that_stood_still_makes_no_shadow_rest() -> None:
    slow = next_pace(MOST, chunks=1, took_ms=50 * HEAVY_MS, max_rows=MOST)
    assert slow == ShadowPace(rows=MOST // 4)
    assert next_pace(slow.rows, chunks=1, took_ms=1.0, max_rows=MOST) == ShadowPace(rows=MOST)


def test_one_of_which_nothing_comes_back_rests_long() -> None:
    assert next_pace(32, chunks=0, took_ms=0.0, max_rows=MOST).rest_s == 0.0
    assert next_pace(1, chunks=0, took_ms=0.0, max_rows=MOST).rest_s == MAX_REST_S
