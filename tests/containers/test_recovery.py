"""How soon all was well again is read off what became of each request."""

from tests.chaos.load import Outcome
from tests.containers.recovery import LATE_S, Recovery, recovery

FAULT_S = 100.0


def steady(*, start_s: float, end_s: float) -> list[Outcome]:
    """Return right answers to ten requests a second."""
    return [
        Outcome(start_s + i / 10, start_s + i / 10 + 0.01, right=True) for i in range(round((end_s - start_s) * 10))
    ]


def test_a_fault_that_nobody_noticed_has_no_recovery() -> None:
    found = recovery(steady(start_s=98, end_s=104), fault_s=FAULT_S)
    assert found.first_good_s is not None
    assert found.first_good_s < 0.1
    assert found.steady_s == 0.0


def test_an_outage_lasts_until_the_last_request_that_failed() -> None:
    failed = [Outcome(FAULT_S + i / 10, FAULT_S + i / 10 + 0.01, right=False) for i in range(20)]
    found = recovery([*steady(start_s=98, end_s=100), *failed, *steady(start_s=102, end_s=104)], fault_s=FAULT_S)
    assert found.first_good_s is not None
    assert round(found.first_good_s, 2) == 2.01
    assert round(found.steady_s, 1) == 1.9


def test_a_late_answer_is_trouble_even_if_it_is_right_and_was_asked_for_before() -> None:
    late = Outcome(FAULT_S - 0.1, FAULT_S + LATE_S, right=True)
    after = Outcome(FAULT_S + 0.5, FAULT_S + 0.5 + 2 * LATE_S, right=True)
    assert recovery([late], fault_s=FAULT_S).steady_s == 0.0
    assert recovery([late, after], fault_s=FAULT_S).steady_s == 0.5


def test_without_any_good_answer_there_is_no_time_of_the_first() -> None:
    found = recovery([Outcome(FAULT_S + 1, FAULT_S + 2, right=False)], fault_s=FAULT_S)
    assert found == Recovery(first_good_s=None, steady_s=1.0)
