from pathlib import Path

import pytest
from fastapi import FastAPI

from apps.api.routers.runs import SERVER_SIDE
from core.managers.database import open_database
from core.managers.runs import Runs
from core.schemas.run import RunParameters
from tests.apps.api.conftest import calling

TRAIN = "/v1/offline/train"
RUNS = "/v1/runs"
WANTED = {"train_months": ["2021-01"], "test_months": ["2021-02"]}


def runs(folder: Path) -> Runs:
    return Runs(open_database(f"sqlite:///{folder / 'runs.sqlite'}"))


async def test_a_run_is_accepted_and_found_where_the_answer_says(app: FastAPI) -> None:
    async with calling(app) as client:
        created = await client.post(TRAIN, json=WANTED)
        found = await client.get(created.headers["Location"])
        listed = await client.get(RUNS)
    assert created.status_code == 202
    assert created.headers["Location"] == f"{RUNS}/{created.json()['id']}"
    assert created.json()["state"] == "queued"
    assert created.json()["request"]["train_months"] == ["2021-01"]
    assert found.json() == created.json()
    assert listed.json() == {"runs": [created.json()]}


@pytest.mark.parametrize("work", ["ingest", "prepare"])
async def test_a_run_may_end_before_it_trains_and_then_needs_no_test_months(app: FastAPI, work: str) -> None:
    path = f"/v1/offline/{work}"
    async with calling(app) as client:
        created = await client.post(path, json={"train_months": ["2021-01"]})
        found = await client.get(created.headers["Location"])
        other = await client.post(path, json={"train_months": ["2021-01"], "until": "train"})
    assert (created.status_code, created.json()["request"]["until"]) == (202, work)
    assert found.json() == created.json()
    assert other.status_code == 400


async def test_it_waits_for_a_worker(app: FastAPI, empty_folder: Path) -> None:
    async with calling(app) as client:
        created = await client.post(TRAIN, json=WANTED)
    assert [run.id for run in runs(empty_folder).left_to_workers()] == [created.json()["id"]]


@pytest.mark.parametrize(
    "body",
    [
        {"train_months": ["2021-01"]},
        {"train_months": ["2021-13"], "test_months": ["2022-01"]},
        {"train_months": ["2021-02"], "test_months": ["2021-01"]},
        {**WANTED, "data": ["/etc"]},
        {**WANTED, "version": "../../x"},
        {**WANTED, "limits": {"null_share": 2}},
        {**WANTED, "gate": {"noise_factor": True}},
        {**WANTED, "validation_days": "7"},
    ],
)
async def test_a_wrong_request_is_refused(app: FastAPI, body: dict[str, object]) -> None:
    async with calling(app) as client:
        answer = await client.post(TRAIN, json=body)
    assert (answer.status_code, answer.json()["reply_code"]) == (400, 100)
    assert answer.json()["errors"]


async def test_another_method_is_told_all_that_the_path_takes(app: FastAPI) -> None:
    async with calling(app) as client:
        answers = [await client.put(path) for path in (TRAIN, RUNS)]
    assert [(answer.status_code, answer.headers["Allow"]) for answer in answers] == [(405, "POST"), (405, "GET")]


async def test_a_failed_run_is_resumed_and_any_that_has_not_ended_cancelled(app: FastAPI, empty_folder: Path) -> None:
    async with calling(app) as client:
        path = (await client.post(TRAIN, json=WANTED)).headers["Location"]
        early = await client.post(f"{path}/resume")
        runs(empty_folder).claim(path.rpartition("/")[2]).fail("bad data")
        failed = await client.get(path)
        resumed = await client.post(f"{path}/resume")
        cancelled = await client.post(f"{path}/cancel")
        again = await client.post(f"{path}/cancel")
    assert (failed.json()["state"], failed.json()["error"]) == ("failed", "bad data")
    assert (resumed.status_code, resumed.headers["Location"], resumed.json()["state"]) == (202, path, "queued")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert [answer.status_code for answer in (early, again)] == [409, 409]
    assert again.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("POST", "/cancel"), ("POST", "/resume")])
async def test_an_unknown_run_is_a_404(app: FastAPI, method: str, end: str) -> None:
    async with calling(app) as client:
        answer = await client.request(method, f"{RUNS}/nothing{end}")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:tripcast:problem:unknown-run")


async def test_paths_and_processes_of_the_server_are_not_shown(app: FastAPI, empty_folder: Path) -> None:
    known = runs(empty_folder)
    run = known.create(RunParameters(**WANTED, data=(Path("/secret/data"),)))
    known.claim(run.id).fail("no file in /secret/data")
    async with calling(app) as client:
        answer = await client.get(f"{RUNS}/{run.id}")
    assert answer.json()["error"] == SERVER_SIDE
    assert "secret" not in answer.text
    assert "owner" not in answer.json()


async def test_a_database_that_is_away_is_a_503(app: FastAPI, empty_folder: Path) -> None:
    (empty_folder / "runs.sqlite").write_bytes(b"this is no database" * 100)
    async with calling(app) as client:
        answer = await client.get(RUNS)
    assert (answer.status_code, answer.json()["reply_code"]) == (503, 103)
    assert answer.headers["Retry-After"]


def test_every_status_of_the_routes_is_described(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    always = {"404", "405", "500", "503"}
    for work in ("ingest", "prepare", "train"):
        described = paths[f"/v1/offline/{work}"]["post"]
        assert set(described["responses"]) == always | {"202", "400", "413", "415"}
    assert set(paths[RUNS]["get"]["responses"]) == always | {"200"}
    assert set(paths[f"{RUNS}/{{run_id}}"]["get"]["responses"]) == always | {"200"}
    assert set(paths[f"{RUNS}/{{run_id}}/resume"]["post"]["responses"]) == always | {"202", "409"}
