"""Whose turn it is in a worker's one native thread: single rows before chunks.

A chunk is many rows of one caller. Whatever waits of them, a single request waits for the chunk that is being
computed at most, and for none that is still to come.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from gevent.event import Event
from gevent.threadpool import ThreadPool

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Turn(Generic[Argument, Result]):
    """One call that waits, runs, or is done."""

    def __init__(self, function: Callable[[Argument], Result], argument: Argument) -> None:
        self.done = Event()
        self._function = function
        self._argument = argument
        self._result: Result
        self._error: BaseException | None = None

    def take(self) -> None:
        """Make the call, in the native thread."""
        try:
            self._result = self._function(self._argument)
        except BaseException as error:  # noqa: BLE001 (it is raised where the result is waited for)
            self._error = error

    def result(self) -> Result:
        """Return the result of the call, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result


class Turns:
    """Makes calls in one native thread, one at a time; greenlets wait for theirs.

    The thread is handed as many tokens as there are calls, and each token takes the call whose turn it is when the
    token comes up. So the thread never waits for the hub between two calls.

    Parameters
    ----------
    threads : gevent.threadpool.ThreadPool
        Of one thread.
    """

    def __init__(self, threads: ThreadPool) -> None:
        self._threads = threads
        self._first: deque[Turn[Any, Any]] = deque()
        self._then: deque[Turn[Any, Any]] = deque()

    def run(self, function: Callable[[Argument], Result], argument: Argument, *, first: bool) -> Result:
        """Call ``function`` with ``argument`` when its turn comes; ``first`` goes before all that is not."""
        turn = Turn(function, argument)
        (self._first if first else self._then).append(turn)
        # Whichever call the token takes, its waiter is woken, even if the greenlet here is gone by then.
        self._threads.spawn(self._take_next).rawlink(lambda token: token.value.done.set())
        turn.done.wait()
        return turn.result()

    def _take_next(self) -> Turn[Any, Any]:
        turn = (self._first or self._then).popleft()
        turn.take()
        return turn


def call_in(threads: ThreadPool, function: Callable[[], Result]) -> Result:
    """Return what ``function`` returns in a native thread, or raise what it raises.

    By ``apply`` alone gevent would print the stack too, of a version that cannot be loaded say: that is told in a line.
    """
    turn: Turn[None, Result] = Turn(lambda _: function(), None)
    threads.apply(turn.take)
    return turn.result()
