"""When is a message truly lost? Never merely because it is late.

A queue is first in, first out. So a message is out of the queue once a later one of the same sender was
seen in a worker's hands or answered: it has been *passed*. From then on it is either in the hands of a
worker, whose heartbeats say so, or gone. A worker's heartbeat counts only if it was composed after the
passing; that is sure of the second one read since.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

BEATS_TO_BE_SURE = 2
"""The first beat read after the passing may have been composed before it."""


class Verdict(Enum):
    """What is known of a message that was sent and not answered."""

    WAITING = "waiting"
    """It is in the queue, or in the hands of a living worker, or it cannot be said yet."""
    LOST = "lost"
    """It is nowhere."""


@dataclass(frozen=True)
class Hands:
    """One living worker: the number of its last heartbeat and the tasks that it had in hand then."""

    beat: int
    tasks: frozenset[str]


@dataclass(slots=True)
class Trace:
    """What is known of one message.

    ``number`` counts the messages of this sender on the queue. ``beats`` holds each worker's last beat at
    the moment when the passing was noticed, ``None`` before.
    """

    task_id: str
    queue: str
    number: int
    beats: dict[str, int] | None = field(default=None)


@dataclass(slots=True)
class Progress:
    """How far a queue is known to have come, by the numbers of this sender's messages.

    ``chased_at`` is when the last chaser was sent, by the sender's clock.
    """

    last_number: int = 0
    last_passed: int = 0
    chased_at: float = float("-inf")

    def next_number(self) -> int:
        """Return the number of the next message."""
        self.last_number += 1
        return self.last_number

    def passed(self, number: int) -> None:
        """Note that a message has left the queue."""
        self.last_passed = max(self.last_passed, number)


def judge(trace: Trace, *, workers: Mapping[str, Hands], last_passed: int) -> Verdict:
    """Judge one message by the latest heartbeats; updates ``trace``.

    Parameters
    ----------
    trace : Trace
        The message.
    workers : mapping of str to Hands
        The living workers that take from its queue, draining ones included.
    last_passed : int
        Highest number of a message of this sender known to have left the queue.
    """
    held = any(trace.task_id in hands.tasks for hands in workers.values())
    if trace.beats is None and (held or last_passed > trace.number):
        trace.beats = {worker: hands.beat for worker, hands in workers.items()}
    if held or trace.beats is None:
        return Verdict.WAITING
    beats = trace.beats
    sure = all(hands.beat >= beats.get(worker, 0) + BEATS_TO_BE_SURE for worker, hands in workers.items())
    return Verdict.LOST if sure else Verdict.WAITING
