from collections import deque
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from core.services.loss import Hands, Progress, Trace, Verdict, judge

WORKERS = ("a", "b")
LATER = 2


def message(number: int = 1) -> Trace:
    return Trace(task_id=f"task-{number}", queue="tasks.trip", number=number)


def hands(beat: int, *tasks: str) -> Hands:
    return Hands(beat, frozenset(tasks))


def test_a_message_that_none_has_passed_waits_however_often_the_workers_beat() -> None:
    trace = message()
    verdicts = {judge(trace, workers={"a": hands(beat)}, last_passed=0) for beat in range(1, 1000)}
    assert verdicts == {Verdict.WAITING}


def test_a_message_waits_without_any_worker() -> None:
    assert judge(message(), workers={}, last_passed=0) is Verdict.WAITING


def test_its_own_number_does_not_pass_a_message() -> None:
    trace = message(1)
    assert [judge(trace, workers={"a": hands(beat)}, last_passed=1) for beat in (1, 5)] == [Verdict.WAITING] * 2


def test_a_passed_message_in_nobodys_hands_is_lost_with_the_second_beat() -> None:
    trace = message()
    verdicts = [judge(trace, workers={"a": hands(beat)}, last_passed=LATER) for beat in (7, 7, 8, 9)]
    assert verdicts == [Verdict.WAITING, Verdict.WAITING, Verdict.WAITING, Verdict.LOST]


def test_every_living_worker_must_have_beaten_twice() -> None:
    trace = message()
    judge(trace, workers={"a": hands(1), "b": hands(1)}, last_passed=LATER)
    assert judge(trace, workers={"a": hands(9), "b": hands(2)}, last_passed=LATER) is Verdict.WAITING
    assert judge(trace, workers={"a": hands(9), "b": hands(3)}, last_passed=LATER) is Verdict.LOST


def test_a_worker_that_no_longer_beats_is_not_waited_for() -> None:
    trace = message()
    judge(trace, workers={"a": hands(1, "task-1"), "b": hands(1)}, last_passed=0)
    assert judge(trace, workers={"b": hands(3)}, last_passed=0) is Verdict.LOST


def test_a_message_once_held_is_lost_when_its_last_worker_is_gone() -> None:
    trace = message()
    judge(trace, workers={"a": hands(1, "task-1")}, last_passed=0)
    assert judge(trace, workers={}, last_passed=0) is Verdict.LOST


def test_a_worker_that_came_later_is_asked_too() -> None:
    trace = message()
    judge(trace, workers={"a": hands(1)}, last_passed=LATER)
    assert judge(trace, workers={"a": hands(9), "new": hands(1)}, last_passed=LATER) is Verdict.WAITING
    assert judge(trace, workers={"a": hands(9), "new": hands(2)}, last_passed=LATER) is Verdict.LOST


@given(beats=st.lists(st.integers(1, 1000), min_size=1), passed=st.integers(0, 1000), holder=st.sampled_from(WORKERS))
def test_a_message_in_living_hands_is_never_lost(beats: list[int], passed: int, holder: str) -> None:
    trace = message()
    for beat in sorted(beats):
        workers = {name: hands(beat, *(["task-1"] if name == holder else [])) for name in WORKERS}
        assert judge(trace, workers=workers, last_passed=passed) is Verdict.WAITING


def test_numbers_follow_each_other_and_passing_never_goes_back() -> None:
    progress = Progress()
    assert [progress.next_number() for _ in range(3)] == [1, 2, 3]
    progress.passed(3)
    progress.passed(1)
    assert progress.last_passed == 3


@dataclass
class World:
    """A queue, its workers, and a sender that sees them through heartbeats a beat late at most."""

    queue: deque[int] = field(default_factory=deque)
    held: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in WORKERS})
    beats: dict[str, Hands] = field(default_factory=lambda: {name: hands(1) for name in WORKERS})
    read: dict[str, Hands] = field(default_factory=lambda: {name: hands(1) for name in WORKERS})
    progress: Progress = field(default_factory=Progress)
    traces: list[Trace] = field(default_factory=list)

    def step(self, event: str, worker: str) -> None:
        if event == "send":
            self.queue.append(self.progress.next_number())
            self.traces.append(message(self.queue[-1]))
        elif event == "read":
            self.read = dict(self.beats)
            for hand in self.read.values():
                for task in hand.tasks:
                    self.progress.passed(int(task.removeprefix("task-")))
        elif worker in self.held:
            self.step_of(worker, event)

    def step_of(self, worker: str, event: str) -> None:
        if event == "take" and self.queue:
            self.held[worker].add(self.queue.popleft())
        elif event == "finish" and self.held[worker]:
            self.progress.passed(self.held[worker].pop())
        elif event == "beat" and self.beats[worker].beat == self.read[worker].beat:
            self.beats[worker] = hands(self.beats[worker].beat + 1, *(f"task-{n}" for n in self.held[worker]))
        elif event == "die":
            del self.held[worker], self.beats[worker]

    def verdicts(self) -> dict[int, Verdict]:
        return {
            trace.number: judge(trace, workers=self.read, last_passed=self.progress.last_passed)
            for trace in self.traces
        }


EVENTS = st.sampled_from(["send", "take", "finish", "beat", "beat", "read", "die"])
HISTORIES = st.lists(st.tuples(EVENTS, st.sampled_from(WORKERS)), max_size=80)


@given(history=HISTORIES)
def test_whatever_happens_what_is_queued_or_in_living_hands_is_never_lost(history: list[tuple[str, str]]) -> None:
    world = World()
    for event, worker in history:
        world.step(event, worker)
        lost = {number for number, verdict in world.verdicts().items() if verdict is Verdict.LOST}
        assert not lost & {*world.queue, *(number for held in world.held.values() for number in held)}


@given(history=HISTORIES)
def test_whatever_happened_what_a_dead_worker_held_is_found_lost_once_a_later_message_passed(
    history: list[tuple[str, str]],
) -> None:
    world = World()
    for event, worker in history:
        world.step(event, worker)
        world.verdicts()
    world.step("read", "")
    living = set(world.held)
    survivors = {*world.queue, *(number for held in world.held.values() for number in held)}
    passed = {trace.number for trace in world.traces if trace.number < world.progress.last_passed}
    for _ in range(3):
        world.verdicts()
        for event, worker in [("beat", name) for name in living] + [("read", "")]:
            world.step(event, worker)
    lost = {number for number, verdict in world.verdicts().items() if verdict is Verdict.LOST}
    assert lost >= passed - survivors
