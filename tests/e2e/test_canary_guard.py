"""A canary that leaves its bounds ends by itself: real web, worker, recorder and database."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.managers.record_reader import RecordReader
from core.utilities.errors import RouteRefusedError
from tests.core.managers.team_models import PaceModel
from tests.e2e.processes import ANSWER_TIMEOUT_S, EXAMPLE, free_port, wait_until
from tests.e2e.routed import CHAMPION, MODEL, Installation, store_model
from tests.e2e.team_models import RAISES, SlowModel, TeamModel

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ADA = {"who": "ada", "why": "a try"}
GUARD_TIMEOUT_S = 120.0
ROWS = 40
"""Requests at a time: the load goes on until the guard has seen enough."""


class Watched:
    """A running installation under a guard, its desk, and callers."""

    def __init__(self, routed: Installation, client: httpx.Client) -> None:
        self.routed, self.desk, self.history = routed, routed.desk, routed.history
        self._numbers = count()
        self._client = client

    def answered_by(self, zone: int = 130) -> set[str]:
        """Ask many times; return who answered, ``failed`` for an error."""

        def ask(number: int) -> str:
            trip = {"request_id": f"r-{number}", "PULocationID": zone, "trip_distance": 1.0 + number % 29}
            answer = self._client.post(self.routed.stack.predict_url, json=EXAMPLE | trip)
            return str(answer.json()["model_version"]) if answer.status_code == 200 else "failed"

        with ThreadPoolExecutor(8) as pool:
            return set(pool.map(ask, [next(self._numbers) for _ in range(ROWS)]))

    def stopped(self) -> bool:
        return self.history.changes(MODEL, limit=1)[0].action == "stop-canary"

    def stop_by_guard(self, zone: int = 130) -> str:
        """Keep asking until the canary is stopped; return the reason that the history gives."""
        wait_until(lambda: self.answered_by(zone) and self.stopped(), timeout_s=GUARD_TIMEOUT_S, what="it is stopped")
        change = self.history.changes(MODEL, limit=1)[0]
        assert change.who == "guard"
        assert change.refused is None
        return change.why

    def records(self, request_id: str) -> list[dict[str, Any]]:
        tables = RecordReader(self.routed.stack.folder / "data" / "records").of_request(request_id)
        return [record for table in tables for record in table.to_dicts()]

    def said(self, text: str) -> int:
        """Return how often the recorder has said so."""
        return sum(text in str(line) for line in self.routed.stack.log_lines("apps/recorder"))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    routed = Installation(tmp_path_factory.mktemp("guarded"))
    with ExitStack() as stack:
        stack.enter_context(routed.stack.running(worker=routed.settings(), **routed.settings(RECORD_SHARE="1")))
        stack.enter_context(routed.recorder(CANARY_MIN_ROWS="60", RECORD_ROLL_S="0.2"))
        client = stack.enter_context(httpx.Client(timeout=ANSWER_TIMEOUT_S))
        yield Watched(routed, client)


def test_a_canary_that_raises_is_stopped_and_the_champion_answers_all(watched: Watched) -> None:
    watched.desk.canary(MODEL, store_model(watched.routed, "team", TeamModel(), offset_min=10.0), 0.3, **ADA)

    reason = watched.stop_by_guard(zone=RAISES)

    assert "team: it failed on 100.0 %" in reason
    wait_until(lambda: watched.answered_by(zone=RAISES) == {CHAMPION}, what="the champion answers all")
    logged = watched.routed.stack.find_line("apps/api", message="PredictionError: model_error")
    record = wait_until(lambda: watched.records(logged["request_id"]), what="the failed row is recorded")[0]
    assert (record["version"], record["role"], record["error"]) == ("team", "canary", "model_error")
    assert record["transaction_id"] == logged["transaction_id"]


def test_a_canary_whose_answers_are_shifted_is_stopped_with_the_reason(watched: Watched) -> None:
    watched.desk.canary(MODEL, "pace-3", 0.3, **ADA)

    reason = watched.stop_by_guard()

    assert "pace-3: its predictions are not distributed as the champion's" in reason
    wait_until(lambda: watched.answered_by() == {CHAMPION}, what="the champion answers all")


def test_a_canary_that_is_slow_is_stopped_with_the_reason(watched: Watched) -> None:
    watched.desk.canary(MODEL, store_model(watched.routed, "slow", SlowModel(0.2)), 0.3, **ADA)

    reason = watched.stop_by_guard()

    found = re.match(r"slow: 95 % of its batches took up to ([0-9.]+) ms", reason)
    assert found, reason
    assert float(found[1]) >= 200.0
    wait_until(lambda: watched.answered_by() == {CHAMPION}, what="the champion answers all")


def test_a_canary_like_the_champion_stays_until_somebody_stops_it(watched: Watched) -> None:
    alike = store_model(watched.routed, "alike", PaceModel(1))
    before = watched.said("in its bounds")
    watched.desk.canary(MODEL, alike, 0.3, **ADA)

    wait_until(lambda: watched.answered_by() and watched.said("in its bounds") > before, timeout_s=GUARD_TIMEOUT_S)

    assert not watched.stopped()
    assert watched.answered_by() == {CHAMPION, alike}
    watched.desk.stop_canary(MODEL, **ADA)
    with pytest.raises(RouteRefusedError, match="no canary"):
        watched.desk.stop_canary(MODEL, who="guard", why="too late", version=alike)


def test_a_recorder_whose_database_is_away_goes_on_and_says_so_once(tmp_path: Path) -> None:
    routed = Installation(tmp_path)
    nowhere = {"DATABASE_URL": f"postgresql://nobody:swordfish@127.0.0.1:{free_port()}/none"}
    with ExitStack() as stack:
        stack.enter_context(routed.stack.running(worker=routed.settings(), **routed.settings(RECORD_SHARE="1")))
        recorder = stack.enter_context(routed.recorder(RECORD_ROLL_S="0.2", **nowhere))
        client = stack.enter_context(httpx.Client(timeout=ANSWER_TIMEOUT_S))
        watched = Watched(routed, client)
        watched.desk.canary(MODEL, store_model(routed, "team", TeamModel(), offset_min=10.0), 0.5, **ADA)
        wait_until(lambda: watched.answered_by(RAISES) and watched.said("cannot be stopped"), timeout_s=GUARD_TIMEOUT_S)
        asked = routed.stack.predict(request_id="after").json()
        wait_until(lambda: watched.records(asked["request_id"]), what="records still move")
        assert recorder.poll() is None
    lines = [line for line in routed.stack.log_lines("apps/recorder") if "cannot be stopped" in str(line)]
    assert len(lines) == 1
    assert "swordfish" not in str(lines)
