"""Two versions compared over HTTP: a web process asks, a real recorder has it done."""

import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from apps.api.main import create_app
from config import Settings
from core.managers.records import LEASE_KEY
from core.schemas.catalog import TRIP_DURATION
from tests.apps.api.conftest import calling
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.core.managers.record_rows import new_record
from tests.core.managers.recorded import store_records
from tests.e2e.processes import Broker, running, wait_until

PATH = f"/v1/models/{TRIP_DURATION.model}/diff"
KEY = "swordfish"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
VERSIONS = {"first": "pace-1", "second": "pace-2"}


@pytest.fixture
async def client(empty_folder: Path, broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    """Who has the key; nothing compares yet."""
    settings = Settings(celery_broker_url=broker.url, celery_result_backend=broker.url, admin_api_key=SecretStr(KEY))
    async with calling(create_app(settings)) as client:
        client.headers["X-API-Key"] = KEY
        yield client


@pytest.fixture
def recorder(empty_folder: Path, broker: Broker) -> Iterator[None]:
    """One that works, on two versions and four trips of 1 to 4 miles that the first has answered."""
    models_dir, data_dir = empty_folder / "models", empty_folder / "data"
    for pace in (1, 2):
        store_paced(models_dir, pace)
    miles = range(1, 5)
    answers = [new_record(f"r{mile}", version="pace-1", prediction=float(mile), time=NOON + mile) for mile in miles]
    store_records(data_dir / "records", *answers, values=[(130, 205, float(mile), None) for mile in miles])
    env = {
        "CELERY_BROKER_URL": broker.url,
        "CELERY_RESULT_BACKEND": broker.url,
        "MODELS_DIR": str(models_dir),
        "DATA_DIR": str(data_dir),
        "LOG_DIR": str(empty_folder / "logs"),
        "MODEL_ALLOWED_CLASSES": ",".join(CLASSES),
        "RECORD_KEEP_DAYS": "0",  # `NOON` is longer ago every day
    }
    log = empty_folder / "recorder.log"
    with running(sys.executable, "-m", "apps.recorder", log=log, env=env), broker.client() as redis:
        wait_until(lambda: redis.exists(LEASE_KEY), what="the recorder works")
        yield


async def ask(client: httpx.AsyncClient, **wanted: Any) -> httpx.Response:
    return await client.post(PATH, json={**VERSIONS, **wanted}, timeout=60)


@pytest.mark.slow
@pytest.mark.usefixtures("recorder")
async def test_two_versions_are_compared_on_recorded_traffic(client: httpx.AsyncClient) -> None:
    told = await ask(client, on="2026-11-20", bound=2)
    assert told.status_code == 200, told.text
    found = told.json()
    assert (found["versions"], found["rows"], found["recorded"]) == (["pace-1", "pace-2"], 4, [4, 0])
    assert (found["mean_abs"], found["share_beyond"]) == (2.5, 0.5)
    assert (found["worst"][0]["request_id"], found["worst"][0]["predictions"]) == ("r4", [4.0, 8.0])

    unknown = await ask(client, second="pace-9", last=2)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:tripcast:problem:unknown-version")
    assert "pace-9" in unknown.json()["detail"]
    nothing = await ask(client, on="2020-01-01")
    assert (nothing.status_code, nothing.json()["type"]) == (409, "urn:tripcast:problem:not-compared")
    assert "RECORD_SHARE" in nothing.json()["detail"]


@pytest.mark.parametrize(
    "wanted", [{}, {"on": "soon"}, {"last": 3, "on": "2026-11-20"}, {"last": 3, "second": "pace-1"}]
)
async def test_a_question_that_is_none_is_refused(client: httpx.AsyncClient, wanted: dict[str, Any]) -> None:
    refused = await ask(client, **wanted)
    assert (refused.status_code, refused.json()["reply_code"]) == (400, 100)
    assert refused.json()["errors"]


async def test_without_a_recorder_it_is_a_503(client: httpx.AsyncClient) -> None:
    answer = await ask(client, last=3)
    assert (answer.status_code, answer.json()["reply_code"]) == (503, 103)
    assert answer.headers["Retry-After"]
    assert "no recorder runs" in answer.json()["detail"]


async def test_another_model_has_no_such_path(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/models/weather/diff", json={**VERSIONS, "last": 3})
    assert answer.status_code == 404
