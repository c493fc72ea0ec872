import asyncio

import pytest

from core.managers.call_desk import CallDesk
from core.schemas.task_message import TaskMessage
from core.utilities.errors import BrokerUnavailableError, DeadlinePassedError, PredictionError
from tests.core.managers.rows import turn


class Post:
    """Keeps what is sent, as a broker would."""

    def __init__(self) -> None:
        self.sent: list[TaskMessage] = []

    def take(self, message: TaskMessage) -> None:
        self.sent.append(message)


def call(desk: CallDesk, timeout_s: float = 60.0) -> asyncio.Task[object]:
    return asyncio.create_task(desk.call("tasks.x", {"a": 1}, queue="q", timeout_s=timeout_s))


async def test_a_call_returns_what_its_task_returned() -> None:
    post = Post()
    desk = CallDesk(process="p", publish=post.take)
    first, second = call(desk), call(desk)
    await turn()
    ids = [message.task_id for message in post.sent]
    assert desk.pending() == ids
    assert all(task_id.startswith("p-") for task_id in ids)
    desk.on_reply(ids[1], {"status": "SUCCESS", "result": {"b": 2}})
    desk.on_reply(ids[0], {"status": "SUCCESS", "result": [1]})
    assert (await first, await second) == ([1], {"b": 2})
    assert desk.pending() == []


async def test_what_the_task_raised_is_told() -> None:
    post = Post()
    desk = CallDesk(process="p", publish=post.take)
    waiting = call(desk)
    await turn()
    desk.on_reply(post.sent[0].task_id, {"status": "FAILURE", "result": {"exc_type": "KeyError"}})
    with pytest.raises(PredictionError):
        await waiting


async def test_a_call_that_nobody_answers_meets_its_deadline() -> None:
    desk = CallDesk(process="p", publish=Post().take)
    with pytest.raises(DeadlinePassedError):
        await call(desk, timeout_s=0.01)
    assert desk.pending() == []


async def test_a_call_that_cannot_be_sent_fails_at_once_or_when_it_is_found_out() -> None:
    def refuse(_: TaskMessage) -> None:
        raise BrokerUnavailableError("away")

    with pytest.raises(BrokerUnavailableError):
        await call(CallDesk(process="p", publish=refuse))

    post = Post()
    desk = CallDesk(process="p", publish=post.take)
    waiting = call(desk)
    await turn()
    desk.on_unsent(post.sent[0].task_id)
    with pytest.raises(BrokerUnavailableError):
        await waiting


async def test_an_answer_that_nobody_waits_for_is_ignored() -> None:
    desk = CallDesk(process="p", publish=Post().take)
    assert not desk.owns("p-call-9")
    desk.on_reply("p-call-9", {"status": "SUCCESS", "result": 1})
    desk.on_unsent("p-call-9")
