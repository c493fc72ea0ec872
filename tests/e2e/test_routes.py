"""Changes of routes in a running system: who answers, what is refused, what becomes of a change that breaks off."""

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.route_load import RouteLoad
from bench.verdict import unsteady
from core.managers.route_desk import RouteDesk
from core.managers.route_preparation import Preparer
from core.managers.version_choice import GRACE_S
from core.schemas.catalog import CatalogEntry
from core.schemas.route import Canary
from core.services.routing import choose_version
from core.utilities.errors import RouteRefusedError
from tests.core.managers.registered import gate_of
from tests.core.managers.team_models import PaceModel
from tests.e2e.processes import ANSWER_TIMEOUT_S, EXAMPLE, QUEUES, wait_until
from tests.e2e.routed import (
    ADA,
    MEMORY_MIB,
    MODEL,
    TRIPS,
    Installation,
    change_under_load,
    check_all,
    routed,
    store_model,
)
from tests.e2e.team_models import GatedModel
from tests.promises import tried_thrice

pytestmark = pytest.mark.e2e

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Two web processes and a worker with room for little."""
    with routed(tmp_path_factory.mktemp("routed"), web_workers=2) as installation:
        yield installation


def some_changes(installation: Installation) -> list[Callable[[], object]]:
    """Return nine changes of all kinds, which can be made again and again."""
    desk = installation.desk
    return [
        partial(desk.deploy, MODEL, "pace-2", **ADA),
        partial(desk.canary, MODEL, "pace-3", 0.5, **ADA),
        partial(desk.promote, MODEL, **ADA),
        partial(desk.shadow, MODEL, "pace-4", **ADA),
        partial(desk.rollback, MODEL, **ADA),
        partial(desk.canary, MODEL, "pace-5", 0.3, **ADA),
        partial(desk.stop_canary, MODEL, **ADA),
        partial(desk.shadow, MODEL, None, **ADA),
        partial(desk.deploy, MODEL, "pace-6", **ADA),
    ]


@tried_thrice
def test_a_route_changes_under_load_and_nobody_is_failed_or_misled(shared: Installation) -> None:
    changes = some_changes(shared) * 2
    answers, journal = asyncio.run(change_under_load(shared, changes, connections=16))
    check_all(answers, journal)
    assert {"pace-2", "pace-3", "pace-6"} <= {answer.version for answer in answers}


def test_a_caller_stays_with_the_canary_or_without_it(shared: Installation) -> None:
    shared.desk.deploy(MODEL, "pace-1", **ADA)
    shared.desk.canary(MODEL, "pace-2", 0.25, **ADA)
    route = shared.route()
    wait_until(lambda: _know(shared, processes=2), what="both web processes know the route")
    ids = [f"caller-{number}" for number in range(400)]
    load = RouteLoad(port=shared.stack.http_port, trips=TRIPS, connections=16, ids=ids * 2)
    answers = asyncio.run(load.run())
    assert {answer.status for answer in answers} == {200}
    assert unsteady([(answer.request_id, answer.version) for answer in answers]) == 0
    assert all(answer.version == choose_version(route, answer.request_id) for answer in answers)
    share = sum(answer.version == "pace-2" for answer in answers) / len(answers)
    assert 0.13 < share < 0.37  # beyond five standard deviations


def test_a_caller_can_name_the_version_in_the_body_or_in_the_path(shared: Installation) -> None:
    def minutes(answer: httpx.Response) -> tuple[str, float]:
        return answer.json()["model_version"], answer.json()["duration"]

    def by_path(version: str, **changes: object) -> httpx.Response:
        url = f"{shared.stack.url}/v1/models/{MODEL}/versions/{version}/predict"
        return httpx.post(url, json={**EXAMPLE, **changes}, timeout=ANSWER_TIMEOUT_S)

    shared.desk.deploy(MODEL, "pace-1", **ADA)
    for pace in (4, 1):
        assert minutes(shared.stack.predict(model_version=f"pace-{pace}")) == (f"pace-{pace}", pace * 3.0)
        assert minutes(by_path(f"pace-{pace}")) == (f"pace-{pace}", pace * 3.0)
    for answer in (
        shared.stack.predict(model_version="gone"),
        by_path("gone"),
        by_path("pace-4", model_version="pace-1"),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_version_that_is_not_good_is_refused_and_the_old_route_stays(shared: Installation) -> None:
    shared.desk.deploy(MODEL, "pace-1", **ADA)
    before = shared.route()
    for version, reason in (
        (tampered(shared), "SHA-256"),
        (with_other_golden_rows(shared), "golden row 0"),
        (too_heavy(shared), "MODEL_MEMORY_MIB"),
    ):
        for change in (
            partial(shared.desk.deploy, MODEL, version, **ADA),
            partial(shared.desk.canary, MODEL, version, 0.5, **ADA),
            partial(shared.desk.shadow, MODEL, version, **ADA),
        ):
            with pytest.raises(RouteRefusedError, match=reason) as refusal:
                change()
            last = shared.history.changes(MODEL, limit=1)[0]
            assert (last.refused, last.revision, last.who) == (str(refusal.value), None, "ada")
        assert shared.route() == shared.spread() == before
        wait_until(lambda: shared.answered_by() == "pace-1", what="the old route answers")


def tampered(installation: Installation) -> str:
    version = store_model(installation, "tampered", PaceModel(7), pace=7)
    installation.registry.get(MODEL, version)
    artifact = installation.models_dir / MODEL / version / "model.pickle"
    artifact.write_bytes(artifact.read_bytes() + b" ")
    return version


def with_other_golden_rows(installation: Installation) -> str:
    version = store_model(installation, "others", PaceModel(7), pace=7)
    installation.registry.get(MODEL, version)
    manifest = installation.models_dir / MODEL / version / "manifest.json"
    manifest.write_text(manifest.read_text().replace("17.5", "18.5").replace("7.0", "7.5"))
    return version


def too_heavy(installation: Installation) -> str:
    model = PaceModel(7)
    model.ballast = bytes(int(MEMORY_MIB * MEBIBYTE))  # type: ignore[attr-defined]
    return store_model(installation, "heavy", model, pace=7)


def _know(installation: Installation, *, processes: int) -> bool:
    """Tell whether so many web processes have heard of the route as it is."""
    revision = f'"revision":{installation.route().revision}}}'
    told = [line for line in installation.stack.log_lines("apps/api") if revision in line["message"]]
    return len({line["pid"] for line in told}) == processes


@pytest.fixture
def own(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_change_that_the_brokers_end_breaks_off_leaves_the_old_route(own: Installation) -> None:
    settings, stack = own.settings(), own.stack
    with stack.worker(**settings), stack.web(**settings):
        with stack.broker.running() as broker:
            stack.wait_until_ready()
            own.desk.deploy(MODEL, "pace-2", **ADA)

            class LastWord(Preparer):
                """The broker is gone once everything is prepared."""

                @contextmanager
                def prepared(
                    self, entry: CatalogEntry, versions: Sequence[str], *, beside: Sequence[str] = ()
                ) -> Iterator[None]:
                    with super().prepared(entry, versions, beside=beside):
                        broker.kill()
                        broker.wait()
                        yield

            last = LastWord(board=own.board, prove=lambda entry, version: None)
            desk = RouteDesk(
                gate=gate_of(own.registry, own.models_dir),
                history=own.history,
                board=own.board,
                preparer=last,
                models_dir=own.models_dir,
            )
            with pytest.raises(RouteRefusedError, match="board cannot be reached"):
                desk.deploy(MODEL, "pace-3", **ADA)
        with stack.broker.running():
            wait_until(own.answered_by, what="predictions are served again")
            assert {own.answered_by() for _ in range(20)} == {"pace-2"}
            own.desk.deploy(MODEL, "pace-3", **ADA)
            wait_until(lambda: own.answered_by() == "pace-3", what="the route changes again")


@pytest.mark.slow
def test_a_worker_starts_without_a_canary_that_is_broken_and_the_champion_answers_for_it(own: Installation) -> None:
    settings, stack = own.settings(), own.stack
    ids = [f"canary-{number}" for number in range(40)]
    with stack.broker.running(), stack.web(**settings):
        with stack.worker(**settings):
            stack.wait_until_ready()
            own.desk.canary(MODEL, "pace-2", 0.5, **ADA)
            wait_until(lambda: "pace-2" in {version_of(own, name) for name in ids}, what="the canary answers")
        wait_until(lambda: not stack.broker.heartbeats(), what="no worker is seen any more")
        (own.models_dir / MODEL / "pace-2" / "model.pickle").write_bytes(b"broken")
        with stack.worker(**settings):
            assert {version_of(own, name) for name in ids} == {"pace-1"}
            (failure,) = wait_until(lambda: failures(own), what="the worker says what it could not load")
            assert (failure["version"], "SHA-256" in failure["reason"]) == ("pace-2", True)
            assert own.route().canary == Canary(version="pace-2", share=0.5)


def version_of(installation: Installation, request_id: str) -> str:
    answer = installation.stack.predict(request_id=request_id)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["model_version"])


def failures(installation: Installation) -> list[dict[str, Any]]:
    beats = installation.stack.broker.heartbeats()
    return [failure for beat in beats for failure in beat["failed"].get(MODEL, ())]


def test_a_route_outlives_a_broker_that_loses_everything(own: Installation) -> None:
    settings, stack = own.settings(), own.stack
    with stack.worker(**settings), stack.web(**settings):
        with stack.broker.running() as broker:
            stack.wait_until_ready()
            own.desk.deploy(MODEL, "pace-2", **ADA)
            wait_until(lambda: own.answered_by() == "pace-2", what="the route has spread")
            broker.kill()
            broker.wait()
        for path in stack.broker.folder.glob("appendonly*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with stack.broker.running():
            wait_until(own.answered_by, what="predictions are served again")
            assert {own.answered_by() for _ in range(20)} == {"pace-2"}
            wait_until(lambda: own.spread() == own.route(), what="the route is on the board again")


def test_what_was_sent_to_versions_that_then_leave_the_route_is_answered_by_the_next(own: Installation) -> None:
    settings, stack = own.settings(), own.stack
    with stack.broker.running(), stack.web(**settings):
        with stack.worker(**settings):
            stack.wait_until_ready()
            own.desk.canary(MODEL, "pace-3", 0.5, **ADA)
            wait_until(lambda: _know(own, processes=1), what="the web process knows the route")
        wait_until(lambda: not own.board.workers(), what="no worker is there")
        callers = {choose_version(own.route(), name): name for name in "abcdefghijklmnopqrst"}
        with ThreadPoolExecutor(3) as pool, stack.broker.client() as redis:
            asked = [pool.submit(stack.predict, request_id=name) for name in callers.values()]
            many = pool.submit(predict_many, own, callers["pace-1"])
            wait_until(lambda: sum(redis.llen(queue) for queue in QUEUES) == 3, what="the requests are in the queue")
            own.desk.deploy(MODEL, "pace-2", **ADA)
            wait_until(lambda: _know(own, processes=1), what="the web process knows the new route")
            time.sleep(GRACE_S)
            shutil.rmtree(own.models_dir / MODEL / "pace-1")
            with stack.worker(**settings):
                answers, batch = [answer.result() for answer in asked], many.result().json()
    assert set(callers) == {"pace-1", "pace-3"}
    assert [answer.status_code for answer in answers] == [200, 200]
    assert {(answer.json()["model_version"], answer.json()["duration"]) for answer in answers} == {("pace-2", 6.0)}
    assert (batch["model_version"], batch["outcomes"]) == ("pace-2", [{"duration": 6.0}] * 3)


def predict_many(installation: Installation, request_id: str) -> httpx.Response:
    """POST a batch of three of the example trip."""
    trip = {name: value for name, value in EXAMPLE.items() if name != "request_id"}
    body = {"request_id": request_id, "trips": [trip] * 3}
    return httpx.post(f"{installation.stack.predict_url}/batch", json=body, timeout=ANSWER_TIMEOUT_S)


def test_a_worker_that_dies_while_it_prepares_holds_up_no_change_and_a_later_one_serves_the_route(
    own: Installation,
) -> None:
    settings, stack = own.settings(), own.stack
    gate = stack.folder / "gate"
    gated = store_model(own, "gated", GatedModel(9, str(gate)), pace=9)
    elsewhere = own.settings(MODELS_DIR=str(shutil.copytree(own.models_dir, stack.folder / "elsewhere")))
    with stack.broker.running(), stack.web(**settings), stack.worker(**settings) as first:
        stack.wait_until_ready()
        gate.touch()
        change = threading.Thread(target=partial(own.desk.deploy, MODEL, gated, **ADA))
        change.start()
        wait_until(gate.with_suffix(".waits").exists, what="the worker loads the version")
        assert own.answered_by() == "pace-1"
        first.kill()
        first.wait()
        gate.unlink()
        # Its folder's route is older than the one on the board.
        with stack.worker(**elsewhere):
            change.join()
            wait_until(lambda: own.answered_by() == gated, what="the new route is served")
            assert own.spread() == own.route()
            assert own.route().answering == (gated,)
            assert stack.predict().json()["duration"] == 27.0
