"""The routes on versions and routes, with a real database, a real board and a worker that really loads."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from apps.api.main import create_app
from config import Settings
from core.managers.database import open_database
from core.managers.heartbeat_writer import HeartbeatWriter
from core.managers.registry import Registry
from core.managers.route_board import RouteBoard
from core.managers.version_files import read_route, write_route
from core.schemas.catalog import TRIP_DURATION
from core.schemas.heartbeat import Heartbeat
from core.schemas.route import Canary, Route
from tests.apps.api.conftest import NOWHERE, calling
from tests.core.managers.paced_versions import store_paced
from tests.core.managers.rows import heartbeat
from tests.core.managers.version_worker import version_worker
from tests.e2e.processes import Broker, wait_until

MODEL = TRIP_DURATION.model
PATH = f"/v1/models/{MODEL}"
KEY = "swordfish"
HEADERS = {"X-API-Key": KEY}
ADA = {"who": "ada", "why": "it is better"}


@pytest.fixture
def models_dir(empty_folder: Path) -> Path:
    """Four versions, the first is the champion."""
    folder = empty_folder / "models"
    for pace in range(1, 5):
        store_paced(folder, pace)
    write_route(folder, MODEL, Route(champion="pace-1"))
    return folder


def managed(models_dir: Path, url: str, *, key: str = KEY, model_version: str = "") -> FastAPI:
    return create_app(
        Settings(
            celery_broker_url=url,
            celery_result_backend=url,
            models_dir=models_dir,
            data_dir=models_dir.parent / "data",
            admin_api_key=SecretStr(key),
            model_version=model_version,
        )
    )


@pytest.fixture
async def client(models_dir: Path, broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    """A client that has the key, and a worker."""
    with version_worker("w1", broker, models_dir):
        async with calling(managed(models_dir, broker.url)) as client:
            client.headers.update(HEADERS)
            yield client


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"{PATH}/{path}", json={**ADA, **body}, timeout=60)


async def test_where_the_web_processes_pin_a_version_a_change_is_refused_and_says_so(
    models_dir: Path, broker: Broker
) -> None:
    board = RouteBoard(broker.url)
    with version_worker("w1", broker, models_dir):
        async with calling(managed(models_dir, broker.url, model_version="pace-1")) as client:
            client.headers.update(HEADERS)
            await asyncio.to_thread(wait_until, lambda: board.pinned(MODEL))
            refused = await post(client, "route/deploy", version="pace-2")
    board.close()
    assert refused.status_code == 409
    assert "MODEL_VERSION of the web processes pins trip_duration pace-1" in refused.json()["detail"]
    assert read_route(models_dir, MODEL) == Route(champion="pace-1")


async def test_from_a_shadow_to_a_canary_to_the_champion_and_back(client: httpx.AsyncClient, models_dir: Path) -> None:
    for action, body, route in (
        ("shadow", {"version": "pace-2"}, Route(champion="pace-1", shadow="pace-2", revision=1)),
        ("shadow", {"version": None}, Route(champion="pace-1", revision=2)),
        (
            "canary",
            {"version": "pace-2", "share": 0.1},
            Route(champion="pace-1", canary=Canary(version="pace-2", share=0.1), revision=3),
        ),
        ("stop-canary", {}, Route(champion="pace-1", revision=4)),
        (
            "canary",
            {"version": "pace-3", "share": 0.5},
            Route(champion="pace-1", canary=Canary(version="pace-3", share=0.5), revision=5),
        ),
        ("promote", {}, Route(champion="pace-3", revision=6)),
        ("rollback", {}, Route(champion="pace-1", revision=7)),
        ("deploy", {"version": "pace-4"}, Route(champion="pace-4", revision=8)),
    ):
        changed = await post(client, f"route/{action}", **body)
        assert changed.status_code == 200, changed.text
        assert Route.model_validate(changed.json()["route"]) == route == read_route(models_dir, MODEL)
        assert (changed.json()["action"], changed.json()["who"], changed.json()["revision"]) == (
            action,
            "ada",
            route.revision,
        )
        assert (await client.get(f"{PATH}/route")).json() == route.model_dump(mode="json")
    history = (await client.get(f"{PATH}/history")).json()["changes"]
    assert [change["action"] for change in history][:3] == ["deploy", "rollback", "promote"]


async def test_models_and_versions_are_shown_with_what_happened_to_them(client: httpx.AsyncClient) -> None:
    models = (await client.get("/v1/models")).json()["models"]
    assert [model["name"] for model in models] == [MODEL, "tip_share"]
    assert models[0] == (await client.get(PATH)).json()
    assert {version["version"] for version in models[0]["versions"]} == {"pace-1", "pace-2", "pace-3", "pace-4"}
    assert models[0]["route"]["champion"] == "pace-1"
    assert models[1]["route"] is None
    version = (await client.get(f"{PATH}/versions/pace-2")).json()
    assert version["record"]["state"] == "approved"
    assert version["manifest"]["parameters"] == {"pace": 2}
    assert "golden_rows" not in version["manifest"]


async def test_a_version_is_approved_frozen_and_retired(client: httpx.AsyncClient, models_dir: Path) -> None:
    store_paced(models_dir, 7)
    engine = open_database(f"sqlite:///{models_dir.parent / 'data' / 'runs.sqlite'}")
    Registry(engine, models_dir).register(MODEL, "pace-7", who="run 1", why="trained")
    engine.dispose()
    early = await post(client, "versions/pace-7/freeze")
    approved = await post(client, "versions/pace-7/approve")
    frozen = await post(client, "versions/pace-7/freeze", why="the regulator asked")
    late = await post(client, "versions/pace-7/retire")
    retired = await post(client, "versions/pace-4/retire")
    assert [answer.status_code for answer in (early, approved, frozen, late, retired)] == [409, 200, 200, 409, 200]
    assert [answer.json()["state"] for answer in (approved, frozen, retired)] == ["approved", "frozen", "retired"]
    assert early.json()["type"] == "urn:tripcast:problem:version-not-in-this-state"
    events = (await client.get(f"{PATH}/versions/pace-7")).json()["events"]
    assert [(event["event"], event["who"], event["why"]) for event in events] == [
        ("register", "run 1", "trained"),
        ("approve", "ada", "it is better"),
        ("freeze", "ada", "the regulator asked"),
    ]


async def test_a_refused_change_says_why_and_so_does_the_history(client: httpx.AsyncClient, models_dir: Path) -> None:
    await client.get(PATH)
    manifest = models_dir / MODEL / "pace-2" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("6.0", "6.5"))
    refused = await post(client, "route/deploy", version="pace-2")
    assert (refused.status_code, refused.json()["reply_code"]) == (409, 100)
    assert refused.json()["type"] == "urn:tripcast:problem:route-refused"
    assert "golden row 0" in refused.json()["detail"]
    (newest,) = (await client.get(f"{PATH}/history")).json()["changes"]
    assert (newest["refused"], newest["revision"], newest["route"]) == (refused.json()["detail"], None, None)
    assert read_route(models_dir, MODEL).champion == "pace-1"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("route/deploy", {}),
        ("route/deploy", {"version": "../x"}),
        ("route/canary", {"version": "pace-2", "share": 1}),
        ("route/canary", {"version": "pace-2", "share": "0.1"}),
        ("route/canary", {"version": "pace-2", "share": True}),
        ("route/shadow", {}),
        ("route/rollback", {"version": "pace-2"}),
        ("route/promote", {"who": ""}),
        ("versions/pace-2/freeze", {"why": "two\nlines"}),
    ],
)
async def test_a_wrong_body_is_refused(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    answer = await post(client, path, **body)
    assert (answer.status_code, answer.json()["reply_code"]) == (400, 100)
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/weather"),
        ("GET", "/v1/models/weather/route"),
        ("GET", "/v1/models/tip_share/route"),
        ("GET", f"{PATH}/versions/gone"),
        ("GET", f"{PATH}/versions/..%00"),
        ("POST", f"{PATH}/versions/gone/approve"),
        ("POST", "/v1/models/weather/route/rollback"),
    ],
)
async def test_what_there_is_not_is_a_404(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path, json=ADA if method == "POST" else None)
    assert (answer.status_code, answer.json()["reply_code"]) == (404, 100)


def operations(app: FastAPI) -> list[tuple[str, str]]:
    """The routes of ``app`` that need the key, with names filled in."""
    return [
        (method.upper(), path.replace("{name}", MODEL).replace("{version}", "pace-1"))
        for path, described in app.openapi()["paths"].items()
        for method, operation in described.items()
        if "models" in operation["tags"]
    ]


async def test_nobody_without_the_key_passes(models_dir: Path) -> None:
    app = managed(models_dir, NOWHERE)
    assert len(operations(app)) == 15
    async with calling(app) as client:
        for method, path in operations(app):
            for given in (None, b"", b"swordfis", b"swordfishes", "swordfish\u00e4".encode()):
                headers = {} if given is None else {b"X-API-Key": given}
                answer = await client.request(method, path, headers=headers)
                assert (answer.status_code, answer.json()["reply_code"]) == (401, 102), (method, path, given)
                assert answer.headers["WWW-Authenticate"]
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert KEY not in answer.text
    assert not (models_dir.parent / "data").exists()


async def test_without_a_key_set_there_are_no_such_paths(models_dir: Path) -> None:
    app = managed(models_dir, NOWHERE, key="")
    assert operations(app) == []
    assert "RollbackRequest" not in app.openapi()["components"]["schemas"]
    async with calling(app) as client:

        async def answer(method: str, path: str) -> tuple[int, dict[str, Any]]:
            told = await client.request(method, path, headers=HEADERS)
            return told.status_code, told.json() | {"instance": ""}

        for method, path in operations(managed(models_dir, NOWHERE)):
            assert await answer(method, path) == await answer(method, "/v1/nothing/at/all")


async def test_with_the_redis_of_the_routes_away_it_is_a_503(models_dir: Path) -> None:
    async with calling(managed(models_dir, NOWHERE)) as client:
        client.headers.update(HEADERS)
        answer = await post(client, "route/deploy", version="pace-2")
        route = await client.get(f"{PATH}/route")
    assert (answer.status_code, answer.json()["reply_code"]) == (503, 103)
    assert answer.headers["Retry-After"]
    assert route.json()["champion"] == "pace-1"


async def test_without_a_worker_a_web_process_loads_no_model(models_dir: Path, broker: Broker) -> None:
    async with calling(managed(models_dir, broker.url)) as client:
        client.headers.update(HEADERS)
        answer = await post(client, "route/deploy", version="pace-2")
    assert answer.status_code == 409
    assert "no worker runs" in answer.json()["detail"]


async def test_without_a_worker_one_can_go_back_to_what_was_served_before(models_dir: Path, broker: Broker) -> None:
    async with calling(managed(models_dir, broker.url)) as client:
        client.headers.update(HEADERS)
        with version_worker("w1", broker, models_dir):
            for path, body in (
                ("route/deploy", {"version": "pace-2"}),
                ("route/canary", {"version": "pace-3", "share": 0.1}),
            ):
                assert (await post(client, path, **body)).status_code == 200
        stopped = await post(client, "route/stop-canary")
        back = await post(client, "route/rollback")
        again = await post(client, "route/deploy", version="pace-3")
        (models_dir / MODEL / "pace-2" / "model.pickle").write_bytes(b"tampered")
        refused = await post(client, "route/deploy", version="pace-2")
    assert [answer.json()["route"]["champion"] for answer in (stopped, back, again)] == ["pace-2", "pace-1", "pace-3"]
    assert (refused.status_code, "SHA-256" in refused.json()["detail"]) == (409, True)
    assert read_route(models_dir, MODEL) == Route(champion="pace-3", revision=5)


@contextmanager
def hesitant_worker(broker: Broker) -> Iterator[HeartbeatWriter]:
    """Beat, and never load what is asked for."""

    def compose(beat: int, draining: bool) -> Heartbeat:
        return heartbeat("slow", beat, draining=draining).model_copy(update={"models": {MODEL: ["pace-1"]}})

    writer, board = HeartbeatWriter(broker.url, compose=compose), RouteBoard(broker.url)
    writer.start()
    try:
        wait_until(board.workers)
        yield writer
    finally:
        writer.stop()
        board.close()


async def test_while_workers_load_a_version_others_are_answered(models_dir: Path, broker: Broker) -> None:
    board = RouteBoard(broker.url)
    with hesitant_worker(broker) as worker:
        async with calling(managed(models_dir, broker.url)) as client:
            client.headers.update(HEADERS)
            change = asyncio.create_task(post(client, "route/deploy", version="pace-2"))
            while not board.preparations([MODEL])[MODEL]:
                await asyncio.sleep(0.01)
            assert (await client.get("/health/live")).status_code == 200
            assert (await client.get(f"{PATH}/route")).json()["champion"] == "pace-1"
            assert not change.done()
            worker.stop()
            refused = await change
    board.close()
    assert refused.status_code == 409
    assert "no worker runs" in refused.json()["detail"]


def test_every_status_of_the_routes_is_described(models_dir: Path) -> None:
    paths = managed(models_dir, NOWHERE).openapi()["paths"]
    always = {"200", "401", "404", "405", "500", "503"}
    assert set(paths["/v1/models"]["get"]["responses"]) == always
    assert set(paths["/v1/models/{name}/versions/{version}"]["get"]["responses"]) == always | {"409"}
    for path in ("versions/{version}/freeze", "route/canary"):
        described = paths[f"/v1/models/{{name}}/{path}"]["post"]
        assert set(described["responses"]) == always | {"400", "409", "413", "415"}
        assert described["security"] == [{"AdminKey": []}]
    compared = paths["/v1/models/{name}/diff"]["post"]["responses"]
    assert set(compared) == always | {"400", "409", "413", "415", "504"}
