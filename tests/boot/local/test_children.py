"""What the system's processes are started with."""

from typing import Any

from boot.local.children import (
    BROKER_GRACE_S,
    PIPELINE_GRACE_S,
    PIPELINE_QUEUE,
    WEB_DRAIN_S,
    WEB_GRACE_S,
    WORKER_GRACE_S,
    beat_children,
    child_environment,
    pipeline_children,
    pipeline_command,
    web_command,
    worker_children,
    worker_command,
)
from config import ROOT, Settings
from tasks.pipeline.app import QUEUE

EMBEDDED = "redis://127.0.0.1:4711/0"


def _settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def test_children_use_the_embedded_broker_for_tasks_and_results() -> None:
    environment = child_environment(_settings(), inherited={"PATH": "/bin"}, broker_url=EMBEDDED, colour=False)

    assert environment["CELERY_BROKER_URL"] == environment["CELERY_RESULT_BACKEND"] == EMBEDDED
    assert environment["PATH"] == "/bin"


def test_children_use_the_broker_and_backend_that_the_user_named() -> None:
    settings = _settings(celery_broker_url="amqp://mq//", celery_result_backend="redis://results/1")
    environment = child_environment(settings, inherited={}, broker_url=None, colour=False)

    assert environment["CELERY_BROKER_URL"] == "amqp://mq//"
    assert environment["CELERY_RESULT_BACKEND"] == "redis://results/1"


def test_numeric_libraries_get_one_thread_unless_the_user_says_otherwise() -> None:
    inherited = {"OMP_NUM_THREADS": "4"}
    environment = child_environment(_settings(), inherited=inherited, broker_url=EMBEDDED, colour=False)

    assert (environment["OMP_NUM_THREADS"], environment["MKL_NUM_THREADS"]) == ("4", "1")


def test_children_colour_their_lines_when_the_launchers_terminal_does() -> None:
    coloured = child_environment(_settings(), inherited={}, broker_url=EMBEDDED, colour=True)
    plain = child_environment(_settings(), inherited={}, broker_url=EMBEDDED, colour=False)

    assert coloured["FORCE_COLOR"] == plain["NO_COLOR"] == "1"


def test_a_worker_serves_the_queues_of_the_catalog_under_a_name_of_its_own() -> None:
    command = worker_command(_settings(worker_concurrency=7), number=2)

    assert command[command.index("-Q") + 1] == "tasks.trip,tasks.trip.quarantine,tasks.tip,tasks.tip.quarantine"
    assert command[command.index("-c") + 1] == "7"
    assert command[command.index("-n") + 1] == "worker-2@%h"
    assert command[command.index("-P") + 1] == "gevent"


def test_as_many_workers_are_started_as_the_settings_say() -> None:
    names = [spec.name for spec in worker_children(_settings(workers=3), directory=ROOT, environment={})]

    assert names == ["worker-1", "worker-2", "worker-3"]


def test_a_pipeline_worker_has_a_process_for_each_run_and_the_queue_of_the_pipeline() -> None:
    command = pipeline_command(number=2)

    assert command[command.index("-P") + 1] == "prefork"
    assert command[command.index("-Q") + 1] == PIPELINE_QUEUE == QUEUE
    assert command[command.index("-n") + 1] == "pipeline-2@%h"


def test_as_many_pipeline_workers_are_started_as_the_settings_say() -> None:
    names = [
        [spec.name for spec in pipeline_children(_settings(pipeline_workers=number), directory=ROOT, environment={})]
        for number in (0, 2)
    ]

    assert names == [[], ["pipeline-1", "pipeline-2"]]


def test_beat_runs_only_where_runs_start_by_themselves() -> None:
    assert beat_children(_settings(), directory=ROOT, environment={}) == []
    for values in ({"pipeline_schedule": "0 3 5 * *"}, {"pipeline_watch": "/data"}):
        (spec,) = beat_children(_settings(**values), directory=ROOT, environment={})
        assert "beat" in spec.command


def test_stopping_in_order_takes_less_than_ten_seconds_with_the_web_server_draining_first() -> None:
    assert PIPELINE_GRACE_S <= WORKER_GRACE_S
    assert WEB_GRACE_S + WORKER_GRACE_S + BROKER_GRACE_S < 10
    assert WEB_GRACE_S > WEB_DRAIN_S
    assert str(WEB_DRAIN_S) in web_command()
