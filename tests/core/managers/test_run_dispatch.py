from collections.abc import Iterator
from pathlib import Path

import pytest

from core.managers.database import open_database
from core.managers.run_dispatch import RunDispatcher
from core.managers.runs import Runs
from core.schemas.run import RunParameters
from core.utilities.errors import BrokerUnavailableError
from tests.boot.processes import until

PARAMETERS = RunParameters(train_months=("2021-01",), test_months=("2021-02",))


class Queue:
    """Takes what is sent; can be away."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.away = False

    def send(self, run_id: str, attempt: int) -> None:
        if self.away:
            raise BrokerUnavailableError("away")
        self.sent.append((run_id, attempt))


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    engine = open_database(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield Runs(engine)
    engine.dispose()


def test_a_waiting_run_is_sent_once_and_a_command_s_own_never(runs: Runs) -> None:
    queue, _ = Queue(), runs.create(PARAMETERS)
    dispatcher = RunDispatcher(runs, queue.send)
    run = runs.create(PARAMETERS, for_worker=True)
    dispatcher.look()
    dispatcher.look()
    assert queue.sent == [(run.id, 0)]


def test_a_run_that_still_waits_after_a_while_is_sent_again(runs: Runs) -> None:
    queue = Queue()
    dispatcher = RunDispatcher(runs, queue.send, send_again_s=0.0)
    run = runs.create(PARAMETERS, for_worker=True)
    dispatcher.look()
    dispatcher.look()
    assert queue.sent == [(run.id, 0)] * 2
    runs.claim(run.id, attempt=0)
    dispatcher.look()
    assert len(queue.sent) == 2


def test_a_run_that_was_requeued_is_sent_with_its_attempts_so_far(runs: Runs) -> None:
    queue = Queue()
    dispatcher = RunDispatcher(runs, queue.send)
    run = runs.create(PARAMETERS, for_worker=True)
    dispatcher.look()
    runs.claim(run.id).fail("x")
    runs.requeue(run.id)
    dispatcher.look()
    assert queue.sent == [(run.id, 0), (run.id, 1)]


def test_while_the_broker_is_away_nothing_is_lost(runs: Runs) -> None:
    queue = Queue()
    queue.away = True
    run = runs.create(PARAMETERS, for_worker=True)
    dispatcher = RunDispatcher(runs, queue.send, look_s=0.01)
    dispatcher.start()
    try:
        queue.away = False
        until(lambda: queue.sent == [(run.id, 0)])
    finally:
        dispatcher.stop()
