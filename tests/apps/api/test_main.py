import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI

from apps.api.main import create_app
from config import ROOT, Settings
from tests.apps.api.conftest import NOWHERE, calling

HEAVY = ("sklearn", "scipy", "numpy", "polars", "pandas", "duckdb", "celery", "gevent")


def test_the_web_process_imports_no_model_code() -> None:
    script = "import json, sys, apps.api.main; print(json.dumps([n for n in sys.modules if '.' not in n]))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    modules = json.loads(done.stdout)

    assert "fastapi" in modules
    assert not set(HEAVY) & set(modules)


@pytest.mark.parametrize(("key", "loads"), [("swordfish", True), ("", False)])
def test_a_web_process_that_may_change_routes_is_ready_to_before_it_is_asked(
    key: str, loads: bool, tmp_path: Path
) -> None:
    script = (
        "import asyncio, sys, time\n"
        "from apps.api.main import create_app\n"
        "async def serve():\n"
        "    app, limit = create_app(), time.monotonic() + 30\n"
        "    async with app.router.lifespan_context(app):\n"
        f"        while {loads} and 'core.managers.version_desk' not in sys.modules and time.monotonic() < limit:\n"
        "            await asyncio.sleep(0.02)\n"
        "        print('core.managers.version_desk' in sys.modules)\n"
        "asyncio.run(serve())"
    )
    env = {**os.environ, "ADMIN_API_KEY": key, "DATA_DIR": str(tmp_path), "CELERY_BROKER_URL": NOWHERE}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{loads}\n"
    assert list(tmp_path.iterdir()) == []  # no database is opened for that


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
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready", "missing": ["broker"], "devices": {}})
    assert health.json() == {"name": "tripcast", "api_version": "v1", "model_version": ""}


async def test_where_redis_cannot_be_reached_no_number_of_waiting_rows_is_made_up(app: FastAPI) -> None:
    async with calling(app) as client:
        answer = await client.get("/health/backlog")

    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "rows_waiting" not in answer.json()


async def test_a_missing_broker_is_no_worker_to_wait_for(empty_folder: Path) -> None:
    settings = Settings(redis_port=1, data_dir=empty_folder, scale_to_zero="on")
    async with calling(create_app(settings)) as client:
        ready = await client.get("/health/ready")

    assert ready.status_code == 503
    assert (ready.json()["status"], ready.json()["missing"]) == ("not ready", ["broker"])


async def test_a_pinned_version_is_the_one_that_health_names(empty_folder: object) -> None:
    async with calling(create_app(Settings(redis_port=1, model_version="v9"))) as client:
        health = await client.get("/health")

    assert health.json()["model_version"] == "v9"
