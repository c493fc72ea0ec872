import asyncio
import time

from core.managers.loop_lag import LoopLag
from tests.core.managers.rows import turn
from tests.promises import check_time, tried_thrice

BLOCKED_S = 0.05


def block() -> None:
    """Keep the event loop from its next round."""
    time.sleep(BLOCKED_S)


async def test_a_long_round_shows() -> None:
    lag = LoopLag(on_round=lambda: None)
    lag.touch()
    asyncio.get_running_loop().call_soon(block)
    await turn()
    await turn()
    assert lag.seconds >= BLOCKED_S / 2


@tried_thrice
async def test_a_long_round_is_forgotten_when_the_next_ones_are_short() -> None:
    lag = LoopLag(on_round=lambda: None)
    lag.touch()
    asyncio.get_running_loop().call_soon(block)
    await turn()
    for _ in range(20):
        lag.touch()
        await turn()
        await turn()
    check_time(lag.seconds, BLOCKED_S / 4, what="a short round")


async def test_nothing_is_measured_while_nobody_asks() -> None:
    rounds: list[None] = []
    lag = LoopLag(on_round=lambda: rounds.append(None))
    await turn()
    asyncio.get_running_loop().call_soon(block)
    await turn()
    assert (rounds, lag.seconds) == ([], 0.0)


async def test_asking_often_in_one_round_measures_it_once() -> None:
    rounds: list[None] = []
    lag = LoopLag(on_round=lambda: rounds.append(None))
    for _ in range(100):
        lag.touch()
    await turn()
    await turn()
    assert len(rounds) == 2
    lag.touch()
    await turn()
    await turn()
    assert len(rounds) == 4


async def test_a_round_begins_before_the_tasks_that_were_created_since() -> None:
    order: list[str] = []
    lag = LoopLag(on_round=lambda: order.append("round"))

    async def work() -> None:
        order.append("task")

    lag.touch()
    await asyncio.create_task(work())
    assert order[:2] == ["round", "task"]
