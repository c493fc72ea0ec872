"""The promises of the queue with RabbitMQ as the broker, Redis holding results and heartbeats."""

import asyncio
import os
import pickle
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any

import amqp  # type: ignore[import-untyped]
import httpx
import pytest
from celery import Celery

from core.managers.kombu_publisher import KombuPublisher
from core.schemas.task_message import TaskMessage
from tests.chaos.poison import CLASS as POISONED
from tests.chaos.poison import KILLS_MILES, RAISES_MILES, PoisonedModel
from tests.e2e.pickles import write_team_model
from tests.e2e.problems import check_problem
from tests.e2e.processes import EXAMPLE, Stack, create_stack, wait_until
from tests.e2e.rabbitmq import RabbitMQ, RabbitStack, create_rabbit_stack, kill
from tests.e2e.team_models import CLASS, IS_SLOW
from tests.e2e.test_failures import missing, seconds_of
from tests.e2e.test_predict import by_the_model_itself, shipped
from tests.e2e.test_scale_to_zero import backlog
from tests.promises import check_time, tried_thrice

pytestmark = pytest.mark.e2e

__all__ = ["shipped"]

PREDICT_RIDE = "tasks.trip.tasks.predict_ride"
QUEUE = "tasks.trip"
SLACK_S = 0.4


@pytest.fixture(scope="module")
def node(needs_rabbitmq: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """Run a node for all tests that leave it as it is and have a stack of their own."""
    rabbit = RabbitMQ(folder=tmp_path_factory.mktemp("node"))
    with rabbit.running():
        yield rabbit


@pytest.fixture
def own(node: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> RabbitStack:
    """Return a stack for one test alone, over a node whose queues are empty."""
    node.forget()
    return RabbitStack(stack=create_stack(tmp_path_factory.mktemp("own")), rabbit=node)


@pytest.fixture
def alone(needs_rabbitmq: None, tmp_path_factory: pytest.TempPathFactory) -> RabbitStack:
    """Return a stack and a node for one test alone, which may end it."""
    return create_rabbit_stack(tmp_path_factory.mktemp("alone"))


def predict_ride(client: Celery, *args: Any) -> Any:
    return client.send_task(PREDICT_RIDE, args=args, queue=QUEUE)


def test_the_answer_is_the_models_own_number(over_rabbitmq: RabbitStack, shipped: Any) -> None:
    answer = over_rabbitmq.stack.predict()

    assert answer.status_code == HTTPStatus.OK
    expected = by_the_model_itself(shipped, PULocationID=130, DOLocationID=205, trip_distance=3.0)
    assert answer.json()["duration"] == expected


def test_five_hundred_concurrent_requests_get_their_own_answers_in_few_messages(over_rabbitmq: RabbitStack) -> None:
    def ask(number: int) -> httpx.Response:
        trip = {"PULocationID": 1 + number % 265, "trip_distance": number / 8, "request_id": str(number)}
        return client.post(over_rabbitmq.stack.predict_url, json=EXAMPLE | trip)

    alone = over_rabbitmq.stack.predict(PULocationID=8, trip_distance=7 / 8).json()["duration"]
    limits = httpx.Limits(max_connections=500)
    with httpx.Client(timeout=30, limits=limits) as client, ThreadPoolExecutor(500) as pool:
        answers = list(pool.map(ask, range(500)))

    assert {answer.status_code for answer in answers} == {HTTPStatus.OK}
    assert [answer.json()["request_id"] for answer in answers] == [str(number) for number in range(500)]
    assert answers[7].json()["duration"] == alone
    wait_until(lambda: largest_batch(over_rabbitmq.stack) > 1, what="rows gather while others are under way")


@pytest.mark.slow
def test_rows_count_as_waiting_wherever_they_are_until_a_worker_comes(own: RabbitStack) -> None:
    with ExitStack() as parts:
        parts.enter_context(own.stack.broker.running())
        parts.enter_context(own.stack.web(**own.settings, SCALE_TO_ZERO="on", WORKER_GRACE_S="0"))
        own.stack.wait_until_ready()
        pool = parts.enter_context(ThreadPoolExecutor(20))
        answers = [pool.submit(own.stack.predict) for _ in range(20)]
        wait_until(lambda: backlog(own.stack)["rows_waiting"] == 20, what="all rows are seen")
        seen = backlog(own.stack)["models"]["trip_duration"]
        assert seen["messages_queued"] is None
        # Rows count from when they are handed to the publisher, which is before RabbitMQ has them.
        assert 0 < wait_until(lambda: queued(own), what="messages are in the queue") <= seen["rows_sent"]
        parts.enter_context(own.stack.worker(**own.settings))
        assert {answer.result().status_code for answer in answers} == {HTTPStatus.OK}
        wait_until(lambda: backlog(own.stack)["rows_waiting"] == 0, what="nothing waits any more")


def queued(own: RabbitStack) -> int:
    """Return how many messages wait, none where nobody has declared the queue yet."""
    try:
        return own.rabbit.length(QUEUE)
    except amqp.NotFound:
        return 0


def largest_batch(stack: Stack) -> int:
    """Return how many callers shared a batch at most, as the worker's log tells so far."""
    return max((len(line["request_ids"]) for line in stack.log_lines("tasks/trip") if "request_ids" in line), default=0)


def test_a_plain_celery_client_is_answered(over_rabbitmq: RabbitStack) -> None:
    with over_rabbitmq.client() as client:
        reply = predict_ride(client, 130, 205, 3.0).get(timeout=60)

    assert reply["reply_code"] == 0
    assert reply["duration"] == over_rabbitmq.stack.predict().json()["duration"]


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        (b"\x00\xff garbage", {}),
        (b"", {}),
        (b"{not json", {"content_type": "application/json", "content_encoding": "utf-8"}),
        (b"[]", {"content_type": "application/json", "content_encoding": "utf-8"}),
        (b"[[], {}, {}]", {"content_type": "application/json", "content_encoding": "no-such-encoding"}),
        (pickle.dumps({"task": PREDICT_RIDE}), {"content_type": "application/x-python-serialize"}),
        (b"[[], {}, {}]", {"content_type": "application/json", "application_headers": {"task": [1], "id": "x"}}),
        (b"[[], {}, {}]", {"content_type": "application/json", "application_headers": {"task": PREDICT_RIDE}}),
        (b"[[], {}, {}]", {"content_type": "application/json", "application_headers": {"task": "x", "id": 5}}),
        (b"x" * 50_000_000, {"content_type": "application/json"}),
    ],
    ids=["bytes", "empty", "not-json", "a-list", "encoding", "pickle", "task-a-list", "no-id", "unknown", "50-mb"],
)
def test_garbage_on_the_queue_is_set_aside_and_the_worker_lives(
    over_rabbitmq: RabbitStack, body: bytes, properties: dict[str, Any]
) -> None:
    before, worker = over_rabbitmq.dead_letters(), over_rabbitmq.stack.broker.worker_pid()
    with over_rabbitmq.rabbit.connection() as connection, connection.channel() as channel:
        channel.basic_publish(amqp.Message(body, **properties), exchange="", routing_key=QUEUE)

    wait_until(lambda: over_rabbitmq.dead_letters() == before + 1, what="the garbage is set aside")
    assert over_rabbitmq.stack.predict().status_code == HTTPStatus.OK
    # A web process asks after a row that is late with a message of its own, which may still be there.
    wait_until(lambda: over_rabbitmq.rabbit.length(QUEUE) == 0, what="the queue is empty")
    assert over_rabbitmq.dead_letters() == before + 1
    assert over_rabbitmq.stack.broker.worker_pid() == worker


@pytest.mark.slow
@tried_thrice
def test_requests_survive_a_worker_that_is_killed_in_the_middle(own: RabbitStack, tmp_path: Path) -> None:
    model = {"TRIP_DURATION_MODEL": str(write_team_model(tmp_path)), "MODEL_ALLOWED_CLASSES": CLASS}
    # The slow rows set the pace by which web admits others: all of them, even if each were slow, are to be in time.
    patience = {"REQUEST_TIMEOUT_S": "600"}

    def ask(number: int) -> httpx.Response:
        return own.stack.predict(PULocationID=IS_SLOW if number == 0 else 130, trip_distance=1 + number / 8)

    def both_compute() -> bool:
        if all(answer.done() for answer in slow):  # at first, and where two have travelled together to one worker
            slow[:] = [pool.submit(ask, 0) for _ in range(2)]
        computing[:] = busy(own)
        return len(computing) == 2

    slow: list[Future[httpx.Response]] = []
    computing: list[int] = []
    with own.running(workers=2, **model, **patience), ThreadPoolExecutor(60) as pool:
        wait_until(both_compute, what="both workers compute")
        others = [pool.submit(ask, number) for number in range(1, 50)]
        os.kill(computing[0], signal.SIGKILL)
        killed = time.monotonic()
        answers = [future.result() for future in others]
        waited_s = time.monotonic() - killed

        assert [answer.text for answer in answers if answer.status_code != HTTPStatus.OK] == []
        assert [answer.json()["duration"] for answer in answers] == [11 + number / 8 for number in range(1, 50)]
        assert [future.result().json()["duration"] for future in slow] == [11.0] * 2
        check_time(waited_s, 8.0)


@pytest.mark.slow
def test_a_plain_clients_ride_survives_the_worker_that_computes_it(own: RabbitStack, tmp_path: Path) -> None:
    model = {"TRIP_DURATION_MODEL": str(write_team_model(tmp_path)), "MODEL_ALLOWED_CLASSES": CLASS}

    with own.running(workers=2, **model), own.client() as client:
        ride = predict_ride(client, IS_SLOW, 205, 1.5)
        os.kill(wait_until(lambda: busy(own), what="a worker computes it")[0], signal.SIGKILL)

        assert ride.get(timeout=60)["duration"] == 11.5


@tried_thrice
def test_without_rabbitmq_it_is_a_503_until_it_is_back(alone: RabbitStack) -> None:
    with ExitStack() as others:
        others.enter_context(alone.stack.broker.running())
        with alone.rabbit.running() as node:
            others.enter_context(alone.stack.worker(**alone.settings))
            others.enter_context(alone.stack.web(**alone.settings))
            alone.stack.wait_until_ready()
            assert alone.stack.predict().status_code == HTTPStatus.OK
            kill(node)
            at_once = alone.stack.predict(headers={"X-Request-Timeout": "20"})
            wait_until(lambda: missing(alone.stack) == ["broker"], what="the broker is missed")
            later = alone.stack.predict()
        with alone.rabbit.running():
            back = time.monotonic()
            wait_until(lambda: alone.stack.predict().status_code == HTTPStatus.OK, what="predictions are served again")
            recovery_s = time.monotonic() - back

    for refusal in (at_once, later):
        check_problem(refusal, HTTPStatus.SERVICE_UNAVAILABLE, 103, request_id="1")
        check_time(seconds_of(refusal), 1.0 + SLACK_S, what="a refusal")
    check_time(recovery_s, 2.0 + SLACK_S, what="the recovery")


def test_a_message_to_a_queue_that_no_worker_declared_yet_is_kept(over_rabbitmq: RabbitStack) -> None:
    failed: list[TaskMessage] = []
    publisher = KombuPublisher(over_rabbitmq.rabbit.url, on_failure=failed.append, on_change=lambda _: None)
    publisher.start()
    wait_until(lambda: publisher.reachable, what="RabbitMQ is reached")
    now = time.time()
    publisher.publish(
        TaskMessage(task_id="1", task="any", queue="tasks.new", argument={}, expires_at=now + 60, sent_at=now)
    )
    asyncio.run(publisher.stop())

    assert not failed
    assert over_rabbitmq.rabbit.length("tasks.new") == 1


@pytest.mark.slow
def test_poison_is_a_500_and_healthy_rows_are_answered(own: RabbitStack, tmp_path: Path) -> None:
    model = tmp_path / "poisoned.pickle"
    model.write_bytes(pickle.dumps(PoisonedModel()))
    settings = {"TRIP_DURATION_MODEL": str(model), "MODEL_ALLOWED_CLASSES": POISONED}

    with own.running(workers=3, **settings) as pids:
        raised = own.stack.predict(trip_distance=RAISES_MILES)
        killed = own.stack.predict(trip_distance=KILLS_MILES)
        healthy = own.stack.predict(trip_distance=2)
        wait_until(lambda: living_of(own) & set(pids), what="at most two workers died of it")

    for answer in (raised, killed):
        check_problem(answer, HTTPStatus.INTERNAL_SERVER_ERROR, 101, request_id="1")
    assert healthy.json()["duration"] == 14.0


def living_of(own: RabbitStack) -> set[int]:
    """Return the process ids of the workers that beat."""
    return {beat["pid"] for beat in own.stack.broker.heartbeats()}


def busy(own: RabbitStack) -> list[int]:
    """Return the process ids of the workers that compute."""
    return [beat["pid"] for beat in own.stack.broker.heartbeats() if beat["rows_in_hand"]]
