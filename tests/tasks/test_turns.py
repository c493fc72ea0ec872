import threading
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.threadpool import ThreadPool

from tasks.turns import Turns, call_in


class Thread:
    """A worker's native thread with the calls that were made in it; the first call blocks it until ``go``."""

    def __init__(self) -> None:
        self.turns = Turns(ThreadPool(1))
        self.go = threading.Event()
        self.calls: list[Any] = []
        self.threads: set[int] = set()

    def block(self) -> gevent.Greenlet:
        """Keep the thread busy."""
        blocker = gevent.spawn(self.turns.run, lambda _: self.go.wait(10), None, first=True)
        gevent.sleep(0.01)
        return blocker

    def call(self, name: str, *, first: bool) -> gevent.Greenlet:
        """Ask for a turn."""
        greenlet = gevent.spawn(self.turns.run, self._note, name, first=first)
        gevent.sleep(0)
        return greenlet

    def _note(self, name: str) -> str:
        self.calls.append(name)
        self.threads.add(threading.get_ident())
        return name.upper()


@pytest.fixture
def thread() -> Thread:
    return Thread()


def wait_for(*greenlets: gevent.Greenlet) -> list[Any]:
    gevent.joinall(greenlets, timeout=10, raise_error=True)
    return [greenlet.value for greenlet in greenlets]


def test_single_rows_go_before_chunks_that_came_earlier(thread: Thread) -> None:
    blocker = thread.block()
    order = [("chunk 1", False), ("chunk 2", False), ("rows 1", True), ("chunk 3", False), ("rows 2", True)]
    waiting = [thread.call(name, first=first) for name, first in order]
    thread.go.set()
    results = wait_for(blocker, *waiting)[1:]
    assert thread.calls == ["rows 1", "rows 2", "chunk 1", "chunk 2", "chunk 3"]
    assert results == [name.upper() for name, _ in order]


def test_calls_run_in_one_other_thread_while_the_hub_goes_on(thread: Thread) -> None:
    blocker = thread.block()
    beats = [gevent.sleep(0) for _ in range(10)]
    assert len(beats) == 10
    assert not blocker.ready()
    thread.go.set()
    wait_for(blocker, thread.call("a", first=True), thread.call("b", first=False))
    assert len(thread.threads) == 1
    assert threading.get_ident() not in thread.threads


@pytest.mark.parametrize("first", [True, False])
def test_an_error_is_raised_where_the_result_is_waited_for_and_the_next_turn_comes(thread: Thread, first: bool) -> None:
    def fail(_: None) -> None:
        raise ZeroDivisionError

    failing = gevent.spawn(catch, lambda: thread.turns.run(fail, None, first=first))
    assert wait_for(failing, thread.call("next", first=False)) == [ZeroDivisionError, "NEXT"]


def catch(call: Callable[[], Any]) -> type[BaseException] | None:
    try:
        call()
    except ZeroDivisionError as error:
        return type(error)
    return None


def test_a_greenlet_that_is_killed_while_it_waits_takes_nobody_with_it(thread: Thread) -> None:
    blocker = thread.block()
    killed, other = thread.call("killed", first=False), thread.call("other", first=True)
    killed.kill()
    thread.go.set()
    assert wait_for(blocker, other)[1] == "OTHER"
    assert wait_for(thread.call("later", first=False)) == ["LATER"]


def test_a_call_that_fails_raises_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    threads = ThreadPool(1)
    with pytest.raises(ZeroDivisionError):
        call_in(threads, lambda: 1 // 0)
    assert call_in(threads, lambda: 6 * 7) == 42
    assert capfd.readouterr().err == ""
