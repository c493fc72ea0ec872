import asyncio
import threading
import time

import pytest

from core.utilities.patience import LATE_S, PatientTimeout

LIMIT_S = 0.2


async def test_what_comes_in_time_is_waited_for() -> None:
    async with PatientTimeout(60):
        await asyncio.sleep(0.01)


async def test_what_does_not_come_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        async with PatientTimeout(LIMIT_S):
            await asyncio.Event().wait()


async def test_what_came_while_the_process_stood_still_came_in_time() -> None:
    loop, answer = asyncio.get_running_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(answer.set))

    async def stand_still() -> None:
        thread.start()
        time.sleep(LIMIT_S + 2 * LATE_S)

    standing = asyncio.create_task(stand_still())
    async with PatientTimeout(LIMIT_S):
        await answer.wait()
        await asyncio.sleep(LIMIT_S / 2)  # the rest of the answer
    await standing
    thread.join()


async def test_what_does_not_come_after_that_either_is_given_up() -> None:
    asyncio.get_running_loop().call_soon(time.sleep, LIMIT_S + 2 * LATE_S)
    with pytest.raises(TimeoutError):
        async with PatientTimeout(LIMIT_S):
            await asyncio.Event().wait()


async def test_a_cancelled_wait_is_cancelled_and_no_timeout() -> None:
    async def wait() -> None:
        async with PatientTimeout(60):
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
