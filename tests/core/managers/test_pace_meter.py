import pytest

from core.managers.pace_meter import CROWD_ROWS, MEMORY_S, STALL_S, WARM_UP_S, PaceMeter
from tests.core.managers.crowds import Clock
from tests.core.managers.simulation import Outcome, Simulation

ROWS = 10
ROW_S = 0.01


class System:
    """Brings batches back one after another."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.meter = PaceMeter(clock=self.clock)

    @property
    def row_s(self) -> float | None:
        """The pace now."""
        return self.meter.pace(self.clock.now).row_s

    def answer(
        self, rows: int, seconds: float, *, ahead: int = 0, waited: bool = True, idle_s: float = 0.0, batch_s: float = 0
    ) -> None:
        """Answer a batch that took so long after the one before, or after it left when there was none under way."""
        self.clock.advance(idle_s)
        left_at = self.clock.now
        self.clock.advance(seconds)
        self.meter.note_batch(rows, left_at=left_at, batch_s=batch_s, ahead=ahead or rows, kept_waiting=waited)

    def answer_for(self, seconds: float, *, row_s: float = ROW_S, call_s: float = 0.0, waited: bool = True) -> None:
        """Answer batches, all of them large and small ones in turn, for so long."""
        end = self.clock.now + seconds
        rows = ROWS
        while self.clock.now < end:
            self.answer(rows, call_s + rows * row_s, waited=waited)
            rows = 3 * ROWS - rows


def test_at_first_no_pace_is_known() -> None:
    assert System().row_s is None


def test_a_pace_is_known_after_some_work_and_not_by_the_first_small_batch() -> None:
    system = System()
    system.answer(1, WARM_UP_S / 10)
    assert system.row_s is None
    system.answer_for(WARM_UP_S)
    assert system.row_s == pytest.approx(ROW_S, rel=0.2)


def test_a_first_batch_that_was_slow_tells_nothing_if_the_next_is_faster() -> None:
    system = System()
    system.answer(1, 4 * WARM_UP_S, batch_s=4 * WARM_UP_S)
    assert system.row_s is None
    system.answer(1, ROW_S)
    assert system.row_s is None
    system.answer_for(WARM_UP_S)
    assert system.row_s == pytest.approx(ROW_S)


def test_a_first_batch_that_was_as_slow_as_the_next_counts() -> None:
    system = System()
    system.answer(1, WARM_UP_S / 2)
    system.answer(4, 4 * WARM_UP_S / 2)
    assert system.row_s == pytest.approx(WARM_UP_S / 2)


def test_one_dear_row_among_the_first_batches_counts_only_with_what_it_held_up() -> None:
    system = System()
    for _ in range(3):
        system.answer(1, ROW_S)
    system.answer(1, 1.0, batch_s=1.0)
    assert system.row_s is None
    system.answer(99, 99 * ROW_S)
    assert system.row_s == pytest.approx(2 * ROW_S, rel=0.1)


def test_batches_that_kept_others_waiting_tell_what_a_row_takes() -> None:
    system = System()
    system.answer_for(2.0)
    assert system.row_s == pytest.approx(ROW_S)


def test_what_a_call_takes_is_told_from_what_its_rows_take() -> None:
    system = System()
    system.answer_for(2.0, row_s=0.001, call_s=0.05)
    assert system.meter.pace(system.clock.now).call_s == pytest.approx(0.05, rel=0.01)


def test_batches_of_one_size_tell_nothing_of_the_call() -> None:
    system = System()
    for _ in range(20):
        system.answer(ROWS, 0.1)
    assert system.meter.pace(system.clock.now).call_s == pytest.approx(0)


def test_time_without_work_is_no_pace() -> None:
    system = System()
    for _ in range(20):
        system.answer(ROWS, ROWS * ROW_S, idle_s=0.2)
    assert system.row_s == pytest.approx(ROW_S)


def test_a_batch_for_which_nobody_waited_does_not_tell_how_slow_the_system_is() -> None:
    system = System()
    system.answer_for(2.0, waited=False)
    assert system.row_s is None
    system.answer_for(2.0)
    system.answer_for(2.0, row_s=2 * ROW_S, waited=False)
    assert system.row_s == pytest.approx(ROW_S)


def test_a_batch_for_which_nobody_waited_tells_how_fast_the_system_is_at_least() -> None:
    system = System()
    system.answer_for(2.0)
    system.answer_for(2.0, row_s=ROW_S / 10, waited=False)
    assert system.row_s is not None
    assert system.row_s < ROW_S / 2


def test_a_crowd_that_the_web_process_itself_keeps_waiting_tells_the_pace_too() -> None:
    system = System()
    for _ in range(10):
        system.answer(CROWD_ROWS, CROWD_ROWS * ROW_S, ahead=2 * CROWD_ROWS, waited=False)
    assert system.row_s == pytest.approx(ROW_S)


@pytest.mark.parametrize("factor", [0.1, 10])
def test_another_pace_is_known_within_a_second_or_two_batches(factor: float) -> None:
    system = System()
    system.answer_for(5.0)
    system.answer_for(1.0, row_s=factor * ROW_S)
    system.answer_for(0.01, row_s=factor * ROW_S)
    assert system.row_s == pytest.approx(factor * ROW_S, rel=0.9)


def test_a_pace_that_nothing_confirms_is_forgotten() -> None:
    system = System()
    system.answer_for(2.0)
    system.clock.advance(MEMORY_S)
    assert system.row_s is not None
    system.clock.advance(2)
    assert system.row_s is None


def test_what_was_forgotten_does_not_count_any_more() -> None:
    system = System()
    system.answer_for(2.0, row_s=100 * ROW_S)
    system.clock.advance(10 * MEMORY_S + 100)
    system.answer_for(WARM_UP_S * 1.1)
    assert system.row_s == pytest.approx(ROW_S)


def test_time_in_which_nobody_was_answered_is_no_pace() -> None:
    system = System()
    system.answer_for(2.0)
    for _ in range(2):
        system.answer(ROWS, 5 * STALL_S)
    assert system.row_s == pytest.approx(ROW_S)
    system.answer_for(0.5)
    assert system.row_s == pytest.approx(ROW_S)


def test_a_short_stall_counts_only_with_all_that_it_held_up() -> None:
    system = System()
    system.answer_for(2.0)
    system.answer(2, STALL_S)
    assert system.row_s == pytest.approx(ROW_S)
    system.answer(10 * ROWS, 0.5)
    assert system.row_s == pytest.approx(ROW_S, rel=0.1)


def test_a_system_that_became_very_slow_is_no_stall_for_long() -> None:
    system = System()
    system.answer_for(2.0)
    for _ in range(10):
        system.answer(ROWS, 20 * STALL_S)
    assert system.row_s == pytest.approx(20 * STALL_S / ROWS, rel=0.01)


def test_a_batch_that_took_long_itself_is_no_stall() -> None:
    system = System()
    for _ in range(2):
        system.answer(ROWS, 20 * STALL_S, batch_s=20 * STALL_S)
    assert system.row_s == pytest.approx(20 * STALL_S / ROWS)


@pytest.mark.parametrize("load", [1.2, 3.0, 10.0])
@pytest.mark.parametrize(
    ("call_s", "row_s", "timeout_s", "share"),
    [
        (0.0, 0.02, 2.0, 0.85),
        (0.0, 0.02, 1.0, 0.85),
        (0.001, 2e-5, 1.0, 0.85),
        (0.01, 7e-4, 1.0, 0.8),
        (0.05, 0.001, 1.0, 0.35),
        (0.2, 0.001, 1.0, 0.6),
    ],
    ids=["slow rows", "slow rows and little time", "trees", "slow trees", "dear calls", "very dear calls"],
)
def test_in_an_overload_nobody_who_was_taken_is_late_and_most_of_what_is_possible_is_done(
    call_s: float, row_s: float, timeout_s: float, share: float, load: float
) -> None:
    simulation = Simulation(call_s=call_s, row_s=row_s, timeout_s=timeout_s)
    # Three batches that take seven tenths of the time to the deadline: the largest that come in time.
    rows = min(512, (0.7 * timeout_s / 3 - call_s) / row_s)
    capacity = rows / (call_s + row_s * rows)
    rate = min(load * capacity, 50_000)
    simulation.run(rate, 8.0)
    simulation.outcome = Outcome()
    start = simulation.now
    simulation.run(rate, 4.0)

    seconds = sorted(simulation.outcome.since(start))
    assert simulation.outcome.refused > 0
    assert seconds[-1] <= timeout_s
    assert len(seconds) / 4.0 > share * capacity


def test_before_an_overload_nobody_is_refused() -> None:
    simulation = Simulation(call_s=0.001, row_s=0.001, timeout_s=1.0)
    simulation.run(800.0, 10.0)
    assert simulation.outcome.refused == 0
    assert max(simulation.outcome.since(0.0)) < 0.2
