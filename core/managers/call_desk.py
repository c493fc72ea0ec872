"""Calls: tasks other than predictions, one message and one answer each.

A call is not sent again: it is for people who look at one row, not for load. If its worker dies, its deadline passes.
"""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from core.schemas.task_message import TaskMessage
from core.utilities.errors import BrokerUnavailableError, DeadlinePassedError, PredictionError

SUCCESS = "SUCCESS"


class CallDesk:
    """Sends calls of one process and takes their answers; used on the event loop only.

    Parameters
    ----------
    process : str
        Prefix of all task ids of this process.
    publish : callable
        Puts a message on its queue; raises ``BrokerUnavailableError``.
    """

    def __init__(self, *, process: str, publish: Callable[[TaskMessage], None]) -> None:
        self._process = process
        self._publish = publish
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._calls = 0

    def owns(self, task_id: str) -> bool:
        """Tell whether somebody waits for this task."""
        return task_id in self._waiting

    def pending(self) -> list[str]:
        """Return the ids of the tasks whose results are awaited."""
        return [*self._waiting]

    async def call(self, task: str, argument: dict[str, Any], *, queue: str, timeout_s: float) -> Any:  # noqa: ANN401 (JSON)
        """Send a task and return its result.

        Raises
        ------
        BrokerUnavailableError
            If it cannot be sent.
        DeadlinePassedError
            If no answer came in time.
        PredictionError
            If the task failed.
        """
        self._calls += 1
        task_id = f"{self._process}-call-{self._calls}"
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[task_id] = answer
        now = time.time()
        message = TaskMessage(
            task_id=task_id,
            task=task,
            queue=queue,
            argument=argument,
            expires_at=now + timeout_s,
            sent_at=now,
            origin=f"{os.getpid()}@{self._process}",
        )
        try:
            self._publish(message)
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError:
            raise DeadlinePassedError("no answer before the deadline") from None
        finally:
            self._waiting.pop(task_id, None)

    def on_unsent(self, task_id: str) -> None:
        """Fail a call whose message could not be published."""
        answer = self._waiting.get(task_id)
        if answer is not None and not answer.done():
            answer.set_exception(BrokerUnavailableError("the broker cannot be reached"))

    def on_reply(self, task_id: str, record: dict[str, Any]) -> None:
        """Take a result record of Celery's backend."""
        answer = self._waiting.get(task_id)
        if answer is None or answer.done():
            return
        if record.get("status") == SUCCESS:
            answer.set_result(record.get("result"))
        else:
            answer.set_exception(PredictionError("the worker failed on the call"))
