import asyncio
import sys
import threading
from pathlib import Path

import pytest

from apps.api.lazy_desk import THREADS, LazyDesk
from core.utilities.errors import DatabaseUnavailableError
from tests.e2e.processes import wait_until


class Desk:
    """A desk that may be closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


async def test_it_is_opened_once_at_the_first_question_and_closed_with_the_process() -> None:
    opened: list[Desk] = []

    def open_desk() -> Desk:
        opened.append(Desk())
        return opened[-1]

    lazy = LazyDesk(open_desk)
    assert opened == []
    asked = await asyncio.gather(*(lazy.ask(lambda desk: desk) for _ in range(2 * THREADS)))
    assert len(opened) == 1
    assert set(asked) == set(opened)
    lazy.close()
    assert opened[0].closed


async def test_one_that_could_not_be_opened_is_tried_again() -> None:
    tries = iter([DatabaseUnavailableError("away"), None])

    def open_desk() -> Desk:
        error = next(tries)
        if error is not None:
            raise error
        return Desk()

    lazy = LazyDesk(open_desk)
    with pytest.raises(DatabaseUnavailableError):
        await lazy.ask(lambda desk: desk)
    assert isinstance(await lazy.ask(lambda desk: desk), Desk)
    lazy.close()


async def test_what_it_is_made_of_is_imported_beforehand_without_opening_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    names = ("a_part_of_a_desk", "another_part_of_a_desk")
    for name in names:
        (tmp_path / f"{name}.py").touch()
        monkeypatch.delitem(sys.modules, name, raising=False)

    def open_desk() -> Desk:
        raise AssertionError("nobody asked")

    lazy = LazyDesk(open_desk, modules=names)
    assert not set(names) & set(sys.modules)
    lazy.load()
    await asyncio.to_thread(wait_until, lambda: set(names) <= set(sys.modules))
    lazy.close()


async def test_questions_that_take_long_leave_the_loop_and_its_own_threads_free() -> None:
    lazy, done = LazyDesk(Desk), threading.Event()
    slow = [asyncio.create_task(lazy.ask(lambda _: done.wait(60))) for _ in range(2 * THREADS)]
    assert await asyncio.to_thread(lambda: "free") == "free"
    assert not any(task.done() for task in slow)
    done.set()
    assert all(await asyncio.gather(*slow))
    lazy.close()


async def test_one_that_was_never_asked_closes_without_having_opened() -> None:
    def open_desk() -> Desk:
        raise AssertionError("nobody asked")

    LazyDesk(open_desk).close()
