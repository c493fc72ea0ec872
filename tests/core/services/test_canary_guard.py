from core.services.canary_guard import GuardLimits, Side, judge, lowest_share

LIMITS = GuardLimits(min_rows=200)
USUAL = [10.0] * 100
CHAMPION = Side(rows=2000, errors=10, costs_ms=USUAL)


def verdict(canary: Side, *, champion: Side = CHAMPION, shift: float | None = 0.05) -> str:
    return judge(canary, champion, shift=shift, limits=LIMITS) or ""


def test_a_canary_as_the_champion_goes_on() -> None:
    assert verdict(Side(rows=300, errors=2, costs_ms=[11.0] * 30)) == ""


def test_a_canary_that_always_fails_is_stopped_at_the_fifth_row() -> None:
    assert verdict(Side(rows=4, errors=4)) == ""
    assert "failed on 100.0 % of 5 rows" in verdict(Side(rows=5, errors=5))


def test_a_few_failures_of_many_rows_may_be_chance() -> None:
    assert verdict(Side(rows=300, errors=9)) == ""
    assert "failed on" in verdict(Side(rows=3000, errors=150))


def test_what_the_champion_fails_on_too_is_not_the_canarys_fault() -> None:
    assert verdict(Side(rows=1000, errors=100), champion=Side(rows=2000, errors=200)) == ""


def test_a_slow_canary_is_stopped_once_there_are_enough_rows() -> None:
    assert verdict(Side(rows=199, errors=0, costs_ms=[50.0] * 20)) == ""
    assert verdict(Side(rows=200, errors=0, costs_ms=[*USUAL, *[50.0] * 20])) == (
        "95 % of its batches took up to 50.0 ms, the champion's 10.0 ms; 20 of 120 took longer than the 20.0 ms that they may"
    )


def test_a_few_batches_that_were_held_up_are_not_the_canarys_fault() -> None:
    assert verdict(Side(rows=200, errors=0, costs_ms=[50.0] * 4)) == ""
    assert verdict(Side(rows=200, errors=0, costs_ms=[*USUAL, *[50.0] * 9])) == ""
    assert verdict(Side(rows=200, errors=0, costs_ms=[50.0] * 5)) != ""


def test_what_holds_up_the_champion_too_is_not_the_canarys_fault() -> None:
    held_up = Side(rows=2000, errors=0, costs_ms=[*USUAL, *[50.0] * 20])
    assert verdict(Side(rows=200, errors=0, costs_ms=[*USUAL, *[90.0] * 20]), champion=held_up) == ""


def test_a_slowness_that_nobody_notices_is_none() -> None:
    champion = Side(rows=2000, errors=0, costs_ms=[1.0])
    assert verdict(Side(rows=200, errors=0, costs_ms=[6.0] * 20), champion=champion) == ""
    assert verdict(Side(rows=200, errors=0, costs_ms=[6.1] * 20), champion=champion) != ""


def test_who_was_not_timed_is_not_slow() -> None:
    assert verdict(Side(rows=200, errors=0, costs_ms=[50.0] * 20), champion=Side(rows=2000, errors=0)) == ""
    assert verdict(Side(rows=200, errors=0)) == ""


def test_a_shift_of_the_predictions_stops_it_unless_nobody_asks() -> None:
    canary = Side(rows=200, errors=0, costs_ms=USUAL)
    assert "stability index 0.50" in verdict(canary, shift=0.5)
    assert judge(canary, CHAMPION, shift=0.5, limits=GuardLimits(max_shift=0)) is None
    assert verdict(canary, shift=None) == ""


def test_a_shift_that_chance_may_do_to_so_few_rows_is_none() -> None:
    assert verdict(Side(rows=200, errors=0, costs_ms=USUAL), shift=0.4) == ""
    assert "stability index 0.40" in verdict(Side(rows=2000, errors=0, costs_ms=USUAL), shift=0.4)


def test_the_lowest_share_lies_below_the_share_and_nears_it() -> None:
    assert 0 < lowest_share(5, 10) < lowest_share(500, 1000) < 0.5
