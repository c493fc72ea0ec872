from core.services.canary_guard import GuardLimits, Side, judge, lowest_share

LIMITS = GuardLimits(min_rows=200)
CHAMPION = Side(rows=2000, errors=10, p95_ms=10.0)


def verdict(canary: Side, *, champion: Side = CHAMPION, shift: float | None = 0.05) -> str:
    return judge(canary, champion, shift=shift, limits=LIMITS) or ""


def test_a_canary_as_the_champion_goes_on() -> None:
    assert verdict(Side(rows=300, errors=2, p95_ms=11.0)) == ""


def test_a_canary_that_always_fails_is_stopped_at_the_fifth_row() -> None:
    assert verdict(Side(rows=4, errors=4)) == ""
    assert "failed on 100.0 % of 5 rows" in verdict(Side(rows=5, errors=5))


def test_a_few_failures_of_many_rows_may_be_chance() -> None:
    assert verdict(Side(rows=300, errors=9)) == ""
    assert "failed on" in verdict(Side(rows=3000, errors=150))


def test_what_the_champion_fails_on_too_is_not_the_canarys_fault() -> None:
    assert verdict(Side(rows=1000, errors=100), champion=Side(rows=2000, errors=200)) == ""


def test_a_slow_canary_is_stopped_once_there_are_enough_rows() -> None:
    assert verdict(Side(rows=199, errors=0, p95_ms=50.0)) == ""
    assert "took up to 50.0 ms" in verdict(Side(rows=200, errors=0, p95_ms=50.0))


def test_a_slowness_that_nobody_notices_is_none() -> None:
    assert verdict(Side(rows=200, errors=0, p95_ms=4.0), champion=Side(rows=2000, errors=0, p95_ms=1.0)) == ""


def test_a_shift_of_the_predictions_stops_it_unless_nobody_asks() -> None:
    canary = Side(rows=200, errors=0, p95_ms=10.0)
    assert "stability index 0.50" in verdict(canary, shift=0.5)
    assert judge(canary, CHAMPION, shift=0.5, limits=GuardLimits(max_shift=0)) is None
    assert verdict(canary, shift=None) == ""


def test_a_shift_that_chance_may_do_to_so_few_rows_is_none() -> None:
    assert verdict(Side(rows=200, errors=0, p95_ms=10.0), shift=0.4) == ""
    assert "stability index 0.40" in verdict(Side(rows=2000, errors=0, p95_ms=10.0), shift=0.4)


def test_the_lowest_share_lies_below_the_share_and_nears_it() -> None:
    assert 0 < lowest_share(5, 10) < lowest_share(500, 1000) < 0.5
