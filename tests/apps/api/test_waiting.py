import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from apps.api import waiting
from apps.api.errors import InvalidHeaderError
from apps.api.waiting import timeout_of, wait_or_hang_up
from config import Settings


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "HANG_UP_CHECK_S", 0.01)


async def silent() -> dict[str, Any]:
    """A caller who stays."""
    await asyncio.sleep(10)
    return {"type": "http.disconnect"}


async def gone() -> dict[str, Any]:
    """A caller who has hung up."""
    return {"type": "http.disconnect"}


async def answer_after(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "answer"


@pytest.mark.usefixtures("_soon")
async def test_the_answer_comes_through_whether_it_is_fast_or_slow() -> None:
    assert [await wait_or_hang_up(silent, answer_after(seconds)) for seconds in (0, 0.05)] == ["answer", "answer"]


@pytest.mark.usefixtures("_soon")
async def test_a_caller_who_hangs_up_ends_the_wait_and_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ended.set()

    with pytest.raises(ClientDisconnect):
        await wait_or_hang_up(gone, work())
    assert ended.is_set()


async def test_a_fast_answer_is_not_watched_for_a_hang_up() -> None:
    assert await wait_or_hang_up(gone, answer_after(0)) == "answer"


@pytest.mark.usefixtures("_soon")
async def test_to_be_cancelled_from_outside_is_no_hang_up() -> None:
    watched = asyncio.Event()

    async def receive() -> dict[str, Any]:
        watched.set()
        return await silent()

    task = asyncio.create_task(wait_or_hang_up(receive, answer_after(10)))
    await asyncio.wait_for(watched.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_work_is_the_error_of_the_wait() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await wait_or_hang_up(silent, fail())


@pytest.mark.parametrize(("header", "seconds"), [(None, 60.0), (b"2.5", 2.5), (b"inf", 60.0), (b"600", 60.0)])
def test_a_caller_can_lower_his_deadline_and_never_raise_it(header: bytes | None, seconds: float) -> None:
    headers = [] if header is None else [(b"x-request-timeout", header)]
    assert timeout_of({"type": "http", "headers": headers}, Settings()) == seconds


@pytest.mark.parametrize("header", [b"", b"-1", b"0", b"nan", b"soon"])
def test_a_timeout_that_is_no_positive_number_is_refused(header: bytes) -> None:
    with pytest.raises(InvalidHeaderError):
        timeout_of({"type": "http", "headers": [(b"x-request-timeout", header)]}, Settings())
