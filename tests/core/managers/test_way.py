import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from core.managers.way import Way
from core.schemas.catalog import TRIP_DURATION
from core.utilities.errors import BrokerUnavailableError, NoVersionError, NoWorkerError

GRACE_S = 10.0


class Surroundings:
    """What a way looks at; all is well but for what a test says."""

    def __init__(
        self, *, broker: bool = True, replies: bool = True, workers: int = 1, serve: bool = True, without_s: float = 0.0
    ) -> None:
        connected = asyncio.Event()
        if replies:
            connected.set()
        self.parts: dict[str, Any] = {
            "publisher": SimpleNamespace(reachable=broker),
            "replies": SimpleNamespace(connected=connected),
            "workers": SimpleNamespace(
                serving=lambda queue: [object()] * workers,
                serve=lambda queue, model: serve and workers > 0,
                seconds_without=lambda queue: without_s,
            ),
        }

    def way(self, *, wait_for_workers: bool = False) -> Way:
        return Way(**self.parts, worker_grace_s=GRACE_S, wait_for_workers=wait_for_workers)


def test_where_all_is_well_nothing_is_missing() -> None:
    way = Surroundings().way()
    way.require(TRIP_DURATION)
    assert way.missing(TRIP_DURATION) is None
    assert not way.is_awaited(TRIP_DURATION)


@pytest.mark.parametrize(
    ("state", "missing", "error"),
    [
        ({"broker": False}, "broker", BrokerUnavailableError),
        ({"replies": False}, "result backend", BrokerUnavailableError),
        ({"workers": 0, "without_s": GRACE_S + 1}, "worker", NoWorkerError),
        ({"serve": False}, "model", NoVersionError),
    ],
)
def test_what_is_missing_is_named_and_refuses(state: dict[str, Any], missing: str, error: type[Exception]) -> None:
    way = Surroundings(**state).way()
    assert way.missing(TRIP_DURATION) == missing
    with pytest.raises(error):
        way.require(TRIP_DURATION)


def test_a_worker_that_is_away_for_a_moment_is_missing_and_refuses_nobody() -> None:
    way = Surroundings(workers=0, without_s=GRACE_S - 1).way()
    way.require(TRIP_DURATION)
    assert way.missing(TRIP_DURATION) == "worker"


def test_where_somebody_starts_workers_rows_wait_for_them() -> None:
    way = Surroundings(workers=0, without_s=1000).way(wait_for_workers=True)
    way.require(TRIP_DURATION)
    assert way.is_awaited(TRIP_DURATION)
