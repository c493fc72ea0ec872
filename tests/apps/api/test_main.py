import json
import subprocess
import sys

import pytest
from fastapi import FastAPI

from apps.api.main import create_app
from config import ROOT, Settings
from tests.apps.api.conftest import calling

HEAVY = ("sklearn", "scipy", "numpy", "polars", "pandas", "duckdb", "celery", "gevent")


def test_the_web_process_imports_no_model_code() -> None:
    script = "import json, sys, apps.api.main; print(json.dumps([n for n in sys.modules if '.' not in n]))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    modules = json.loads(done.stdout)

    assert "fastapi" in modules
    assert not set(HEAVY) & set(modules)


def test_a_wrong_setting_ends_the_process_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "abc")

    with pytest.raises(SystemExit, match=r"^tripcast web: HTTP_PORT: [^\n]*$"):
        create_app()


def test_the_api_version_is_the_prefix_of_the_routes() -> None:
    paths = create_app(Settings(api_version="v7")).openapi()["paths"]

    assert "/v7/trip/predict" in paths
    assert "/v1/trip/predict" not in paths


async def test_an_unexpected_error_is_a_problem_without_its_text(app: FastAPI) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("swordfish")

    async with calling(app) as client:
        answer = await client.get("/broken")

    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["reply_code"] == 101
    assert answer.headers["X-Request-ID"]
    assert "swordfish" not in answer.text
    assert "Traceback" not in answer.text


async def test_without_a_broker_the_process_lives_but_is_not_ready(app: FastAPI) -> None:
    async with calling(app) as client:
        live, ready, health = [await client.get(path) for path in ("/health/live", "/health/ready", "/health")]

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready", "missing": ["broker"]})
    assert health.json() == {"name": "tripcast", "api_version": "v1", "model_version": ""}


async def test_a_pinned_version_is_the_one_that_health_names(empty_folder: object) -> None:
    async with calling(create_app(Settings(redis_port=1, model_version="v9"))) as client:
        health = await client.get("/health")

    assert health.json()["model_version"] == "v9"
