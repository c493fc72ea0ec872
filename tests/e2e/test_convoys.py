"""Rows of a champion and its canary in one message, and what becomes of them when the worker that has them dies."""

import asyncio
import signal
from collections import defaultdict
from pathlib import Path

import pytest

from tests.e2e.processes import wait_until
from tests.e2e.routed import ADA, MODEL, Installation, change_under_load, check_all

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONNECTIONS = 32
MANY = 20


def shared_messages(installation: Installation) -> int:
    """Return how many messages workers have had with rows of both versions."""
    versions = defaultdict(set)
    for line in installation.stack.log_lines("tasks/trip"):
        if "task_id" in line and "version" in line:
            versions[line["task_id"]].add(line["version"])
    return list(versions.values()).count({"pace-1", "pace-2"})


def test_a_worker_that_is_killed_with_shared_messages_costs_nobody_his_answer(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    stack, settings = installation.stack, installation.settings()

    async def share(count: int) -> None:
        await asyncio.to_thread(wait_until, lambda: shared_messages(installation) >= count, what="messages are shared")

    with stack.broker.running(), stack.web(**settings), stack.worker(**settings), stack.worker(**settings) as doomed:
        stack.wait_until_ready()
        wait_until(lambda: len(installation.board.workers()) == 2, what="both workers are there")
        installation.desk.canary(MODEL, "pace-2", 0.5, **ADA)

        async def kill() -> None:
            await share(MANY)
            # Frozen, it still takes what it asked Redis for, so that it surely dies with something in hand.
            doomed.send_signal(signal.SIGSTOP)
            alone = lambda: len(installation.board.workers()) == 1  # noqa: E731
            await asyncio.to_thread(wait_until, alone, what="the frozen worker counts as dead")
            doomed.kill()
            await asyncio.to_thread(doomed.wait)
            await share(shared_messages(installation) + MANY)

        answers, journal = asyncio.run(change_under_load(installation, [], connections=CONNECTIONS, beside=kill))
    check_all(answers, journal)
    assert {answer.version for answer in answers} == {"pace-1", "pace-2"}
    assert any(line.get("attempt") for line in stack.log_lines("apps/api")), "nothing was lost with the worker"
