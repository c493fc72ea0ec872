"""The second model of the catalog: through the same queue, workers and web server as the first."""

import shutil
from pathlib import Path

import httpx
import pytest

from core.managers.artifacts import load_version
from core.managers.pipeline import execute
from core.schemas.catalog import TIP_SHARE
from tests.core.managers.pipeline_files import Diary, month_file, parameters, workplace
from tests.core.managers.registered import set_champion
from tests.e2e.processes import ROOT, Stack

pytestmark = pytest.mark.e2e

ROW = {"PULocationID": 3, "DOLocationID": 8, "fare_amount": 12.0}
ONE = {"request_id": "t1", **ROW}


def post(stack: Stack, path: str, body: object) -> httpx.Response:
    return httpx.post(f"{stack.url}{path}", json=body, timeout=30)


def trained(folder: Path) -> tuple[Path, str]:
    """Train the second model on made-up months, beside the shipped first one."""
    for month in ("2021-01", "2021-02"):
        month_file(folder / "months", month)
    place = workplace(folder)
    shutil.copytree(ROOT / "repo" / "models" / "trip_duration", place.models_dir / "trip_duration")
    version = str(execute("run", parameters(folder / "months", model=TIP_SHARE.model), place, Diary()))
    set_champion(place.models_dir, TIP_SHARE.model, version)
    return place.models_dir, version


def test_both_models_are_served_beside_each_other(own_stack: Stack) -> None:
    models_dir, version = trained(own_stack.folder)

    with own_stack.running(worker={"MODELS_DIR": str(models_dir)}):
        one = post(own_stack, "/v1/tip/predict", ONE)
        many = post(own_stack, "/v1/tip/predict/batch", {"request_id": "t2", "trips": [ROW, ROW | {"fare_amount": 1}]})
        wrong = post(own_stack, "/v1/tip/predict", {"request_id": "t3", "trip_distance": 3.0})
        trip = own_stack.predict()

    assert one.status_code == 200, one.text
    model = load_version(models_dir / TIP_SHARE.model / version, entry=TIP_SHARE)
    assert [one.json()["tip_share"]] == model.predict({name: [value] for name, value in ROW.items()}).predictions
    assert (one.json()["model_name"], one.json()["model_version"]) == ("tip_share", version)
    good, bad = many.json()["outcomes"]
    assert good == {"tip_share": one.json()["tip_share"]}
    assert bad["error"]["reply_code"] == 100
    assert wrong.status_code == 400
    assert trip.json()["model_name"] == "trip_duration"


def test_without_a_version_requests_for_it_are_refused_and_all_else_is_well(own_stack: Stack) -> None:
    models_dir = own_stack.folder / "models"
    shutil.copytree(ROOT / "repo" / "models" / "trip_duration", models_dir / "trip_duration")

    with own_stack.running(worker={"MODELS_DIR": str(models_dir)}):
        answer = post(own_stack, "/v1/tip/predict", ONE)
        many = post(own_stack, "/v1/tip/predict/batch", {"request_id": "t2", "trips": [ROW]})
        ready, trip = own_stack.get("/health/ready").status_code, own_stack.predict()

    assert answer.status_code == 503
    assert answer.json()["title"] == "No version"
    assert answer.json()["detail"] == "no version of tip_share is served"
    assert answer.json()["reply_code"] == 103
    assert int(answer.headers["Retry-After"]) >= 1
    assert many.status_code == 503
    assert ready == 200
    assert trip.status_code == 200
