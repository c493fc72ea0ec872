import pytest

from core.managers.pace_meter import (
    CROWD_ROWS,
    MEMORY_S,
    PROBE_INTERVAL_S,
    STALL_BATCHES,
    STALL_S,
    PaceMeter,
    Probe,
)
from tests.core.managers.crowds import Clock

AHEAD = 100
BATCH_S = 0.01
STEP_S = PROBE_INTERVAL_S / 5


class System:
    """Answers rows steadily while its clock goes on, and lets a probe in when asked."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.meter = PaceMeter(clock=self.clock)
        self.meter.start(ahead=0, full=False)

    @property
    def row_s(self) -> float | None:
        """The pace now."""
        return self.meter.pace(self.clock.now).row_s

    def answer_for(self, seconds: float) -> None:
        """Let time pass in which others are answered."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.advance(min(STEP_S, end - self.clock.now))
            self.meter.count_rows(1, batch_s=0.0)

    def start(self, *, ahead: int = AHEAD, full: bool = True) -> Probe:
        """Return a probe, as soon as one may be had."""
        self.answer_for(PROBE_INTERVAL_S * 1.01)
        probe = self.meter.start(ahead=ahead, full=full)
        assert probe is not None
        return probe

    def serve(self, row_s: float, *, ahead: int = AHEAD, full: bool = True) -> None:
        """Follow one row through a system that takes ``row_s`` for each ahead."""
        probe = self.start(ahead=ahead, full=full)
        self.answer_for(ahead * row_s + BATCH_S)
        self.meter.finish(probe, batch_s=BATCH_S)


def test_at_first_no_pace_is_known() -> None:
    assert System().row_s is None


def test_a_row_that_waited_tells_what_each_row_ahead_costs() -> None:
    system = System()
    system.serve(0.01)
    assert system.row_s == pytest.approx(0.01)
    assert system.meter.pace(system.clock.now).batch_s == pytest.approx(BATCH_S)


def test_a_row_that_did_not_wait_does_not_tell_how_slow_the_system_is() -> None:
    system = System()
    system.serve(0.01, ahead=CROWD_ROWS // 2, full=False)
    assert system.row_s is None


def test_a_row_that_did_not_wait_tells_how_fast_the_system_is_at_least() -> None:
    system = System()
    system.serve(0.1)
    system.serve(0.01, ahead=CROWD_ROWS // 2, full=False)
    assert system.row_s is not None
    assert system.row_s < 0.1


def test_rows_are_followed_a_few_times_a_second_only() -> None:
    system = System()
    system.start()
    assert system.meter.start(ahead=AHEAD, full=True) is None
    system.clock.advance(PROBE_INTERVAL_S / 2)
    assert system.meter.start(ahead=AHEAD, full=True) is None
    system.clock.advance(PROBE_INTERVAL_S)
    assert system.meter.start(ahead=AHEAD, full=True) is not None


def test_a_system_that_became_ten_times_faster_is_known_within_a_second() -> None:
    system = System()
    for _ in range(3):
        system.serve(0.01)
    changed = system.clock.now
    while system.clock.now < changed + 1.0:
        system.serve(0.001)
    assert system.row_s is not None
    assert system.row_s < 2 * 0.001


def test_a_system_that_became_ten_times_slower_is_known_with_the_first_row_that_met_it() -> None:
    system = System()
    for _ in range(3):
        system.serve(0.01)
    system.serve(0.1)
    assert system.row_s is not None
    assert system.row_s > 0.1 / 2


def test_a_pace_that_nothing_confirms_is_forgotten() -> None:
    system = System()
    system.serve(0.001)
    system.clock.advance(MEMORY_S - 1)
    assert system.row_s is not None
    system.clock.advance(2)
    assert system.row_s is None


def test_time_in_which_nobody_was_answered_is_no_pace() -> None:
    system = System()
    for _ in range(3):
        system.serve(0.01)
    probe = system.start()
    system.answer_for(AHEAD * 0.01 / 2)
    system.clock.advance(20 * STALL_S)
    system.meter.count_rows(1, batch_s=0.0)
    system.answer_for(AHEAD * 0.01 / 2 + BATCH_S)
    system.meter.finish(probe, batch_s=BATCH_S)
    assert system.row_s == pytest.approx(0.01, rel=0.1)


def test_time_in_which_others_were_answered_now_and_then_is_a_pace() -> None:
    system = System()
    for _ in range(3):
        system.serve(0.01)
    probe = system.start()
    for _ in range(40):
        system.clock.advance(STALL_S / 2)
        system.meter.count_rows(1, batch_s=0.0)
    system.meter.finish(probe, batch_s=BATCH_S)
    assert system.row_s == pytest.approx(20 * STALL_S / AHEAD, rel=0.2)


def test_a_first_batch_that_takes_long_leaves_nothing_behind() -> None:
    clock = Clock()
    meter = PaceMeter(clock=clock)
    first = meter.start(ahead=0, full=False)
    clock.advance(2 * PROBE_INTERVAL_S)
    second = meter.start(ahead=1, full=True)
    assert first is not None
    assert second is not None
    slow_s = 10 * STALL_S
    clock.advance(slow_s)
    meter.count_rows(1, batch_s=0.0)
    meter.finish(first, batch_s=slow_s)
    assert meter.pace(clock.now).row_s is None
    clock.advance(BATCH_S)
    meter.count_rows(1, batch_s=0.0)
    meter.finish(second, batch_s=BATCH_S)
    pace = meter.pace(clock.now)
    assert (pace.row_s or 0.0) < BATCH_S
    assert pace.batch_s == pytest.approx(BATCH_S)


def test_a_deadline_that_passed_while_nobody_was_answered_tells_nothing() -> None:
    system = System()
    system.serve(0.01)
    probe = system.start()
    system.clock.advance(1.0)
    system.meter.finish(probe, batch_s=None)
    assert system.row_s == pytest.approx(0.01)


def test_a_deadline_that_passed_while_others_were_answered_makes_the_pace_slower() -> None:
    system = System()
    system.serve(0.01)
    probe = system.start()
    system.answer_for(10 * AHEAD * 0.01)
    system.meter.finish(probe, batch_s=None)
    assert system.row_s is not None
    assert system.row_s > 2 * 0.01


def test_long_batches_are_no_stall() -> None:
    system = System()
    batch_s = STALL_S
    for _ in range(5):
        probe = system.start()
        for _ in range(STALL_BATCHES - 1):
            system.clock.advance(batch_s)
            system.meter.count_rows(1, batch_s=0.0)
        system.meter.finish(probe, batch_s=batch_s)
    probe = system.start()
    system.clock.advance((STALL_BATCHES - 0.5) * batch_s)
    system.meter.count_rows(1, batch_s=0.0)
    system.meter.finish(probe, batch_s=batch_s)
    assert system.row_s is not None
    assert system.row_s > 0.5 * batch_s / AHEAD
