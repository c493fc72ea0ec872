import ast
import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT
from core.managers.pin_notice import PinNotice
from core.managers.route_board import ROUTES_KEY, RouteBoard
from core.managers.version_files import read_route, write_route
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Canary, Route
from tests.apps.api.conftest import NOWHERE
from tests.apps.cli.conftest import Models
from tests.core.managers.version_worker import version_worker
from tests.e2e.processes import Broker, wait_until

MODEL = TRIP_DURATION.model
WHY = ("--why", "it is better")
HEAVY = (
    "alembic", "boto3", "celery", "hamilton", "httpx", "kombu", "loguru", "numpy", "opentelemetry", "polars",
    "redis", "rich", "sklearn", "sqlalchemy", "statemachine",
)  # fmt: skip
"""None of it is needed to change a route where a worker proves the versions."""


def test_from_a_shadow_to_a_canary_to_the_champion_and_back(models: Models, models_dir: Path) -> None:
    for command, route in (
        (("shadow", "pace-2", *WHY), Route(champion="pace-1", shadow="pace-2", revision=1)),
        (("shadow", "--off", *WHY), Route(champion="pace-1", revision=2)),
        (
            ("canary", "pace-2", "--share", "0.1", *WHY),
            Route(champion="pace-1", canary=Canary(version="pace-2", share=0.1), revision=3),
        ),
        (("stop-canary",), Route(champion="pace-1", revision=4)),
        (
            ("canary", "pace-3", "--share", "0.5", *WHY),
            Route(champion="pace-1", canary=Canary(version="pace-3", share=0.5), revision=5),
        ),
        (("promote", *WHY), Route(champion="pace-3", revision=6)),
        (("rollback",), Route(champion="pace-1", revision=7)),
        (("deploy", "pace-2", *WHY), Route(champion="pace-2", revision=8)),
    ):
        changed = models(*command)
        assert changed.exit_code == 0, changed.output
        assert changed.stdout.startswith(f"{MODEL}, revision {route.revision}: champion {route.champion}")
        assert read_route(models_dir, MODEL) == route
    noted = json.loads(models("history", "--json").stdout)
    assert [change["action"] for change in noted][:2] == ["deploy", "rollback"]
    assert [change["why"] for change in noted][:2] == ["it is better", "rollback"]
    shown = models("history").stdout
    assert all(text in shown for text in ("canary pace-3 (50 %)", "stop-canary", "it is better"))


def test_workers_hold_what_was_deployed(models: Models, models_dir: Path, broker: Broker) -> None:
    with version_worker("w1", broker, models_dir) as held:
        assert models("deploy", "pace-3", *WHY).exit_code == 0
        assert held.holds(MODEL, "pace-3")


def test_a_change_that_was_killed_before_it_spread_is_told(models: Models, models_dir: Path, broker: Broker) -> None:
    assert models("deploy", "pace-2", *WHY).exit_code == 0
    assert models("history").stderr == models("list").stderr == ""
    board = RouteBoard(broker.url)
    with broker.client() as redis:
        before = redis.hget(ROUTES_KEY, MODEL)
        assert models("deploy", "pace-3", *WHY).exit_code == 0
        redis.hset(ROUTES_KEY, MODEL, before)
    write_route(models_dir, MODEL, board.read()[MODEL])
    for command in ("history", "list"):
        assert "pace-2, the champion of revision 1, answers" in models(command).stderr
    assert models("deploy", "pace-3", *WHY).exit_code == 0
    assert models("history").stderr == ""
    assert board.read()[MODEL] == Route(champion="pace-3", revision=3)
    board.close()


def test_a_refused_change_is_one_line_and_in_the_history(models: Models, models_dir: Path) -> None:
    manifest = models_dir / MODEL / "pace-2" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("6.0", "6.5"))
    refused = models("deploy", "pace-2", *WHY)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"deploy: {MODEL}/pace-2: golden row 0 is not predicted as it was stored\n"
    assert read_route(models_dir, MODEL).champion == "pace-1"
    assert "refused: " in models("history").stdout


def test_what_does_not_fit_into_a_worker_is_refused_where_none_runs(
    models: Models, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size_mib = (models_dir / MODEL / "pace-1" / "model.pickle").stat().st_size / 1024**2
    monkeypatch.setenv("MODEL_MEMORY_MIB", str(1.5 * size_mib))
    assert models("deploy", "pace-2", *WHY).exit_code == 0
    refused = models("canary", "pace-3", "--share", "0.1", *WHY)
    assert refused.exit_code == 1
    assert "do not fit" in refused.stderr


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (("promote", *WHY), f"promote: {MODEL} has no canary to promote\n"),
        (("rollback",), f"rollback: {MODEL} has no earlier route to go back to\n"),
        (("stop-canary",), f"stop-canary: {MODEL} has no canary\n"),
        (("deploy", "gone", *WHY), f"deploy: there is no version gone of {MODEL}\n"),
        (("canary", "pace-2", "--share", "1", *WHY), "canary: share: Input should be less than 1\n"),
        (("shadow", *WHY), "shadow: either a version or --off\n"),
        (("shadow", "pace-2", "--off", *WHY), "shadow: either a version or --off\n"),
        (
            ("rollback", "--model", "weather"),
            "rollback: no model is called 'weather'; there are: trip_duration, tip_share\n",
        ),
    ],
)
def test_what_cannot_be_is_one_line(models: Models, command: tuple[str, ...], line: str) -> None:
    refused = models(*command)
    assert (refused.exit_code, refused.stdout, refused.stderr) == (1, "", line)


async def test_where_web_processes_pin_a_version_a_change_is_refused_and_says_so(
    models: Models, broker: Broker
) -> None:
    web, board = PinNotice(broker.url, {MODEL: "pace-1"}), RouteBoard(broker.url)
    web.start()
    await asyncio.to_thread(wait_until, lambda: board.pinned(MODEL))
    refused = await asyncio.to_thread(models, "deploy", "pace-2", *WHY)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"deploy: MODEL_VERSION of the web processes pins {MODEL} pace-1")
    await web.stop()
    board.close()


def test_without_a_redis_nothing_changes_but_all_can_be_read(
    models: Models, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_RESULT_BACKEND", NOWHERE)
    refused = models("deploy", "pace-2", *WHY)
    assert refused.exit_code == 1
    told = f"deploy: the route board cannot be reached (ConnectionRefusedError) at {NOWHERE}; start the system"
    assert refused.stderr.startswith(told)
    assert len(refused.stderr.splitlines()) == 1
    assert read_route(models_dir, MODEL).champion == "pace-1"
    assert "champion" in models("list").stdout
    assert "refused: the route board" in models("history").stdout


def test_a_narrow_terminal_shows_the_history_whole(models: Models) -> None:
    version = "2021-01-boosted-0123abcd-of-a-long-name"
    assert models("deploy", version, *WHY).exit_code == 1
    shown = models("history", columns=80).stdout
    cells = [line.split("│")[-2].strip() for line in shown.splitlines() if line.startswith("│")]
    assert version in "".join(cells)
    assert models("stop-canary").exit_code == 1
    assert "…" not in models("history", columns=80).stdout


def test_a_change_needs_a_reason_but_the_urgent_ones(models: Models) -> None:
    for command in (("deploy", "pace-2"), ("canary", "pace-2", "--share", "0.1"), ("shadow", "pace-2"), ("promote",)):
        refused = models(*command)
        assert refused.exit_code == 2
        assert "--why" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("rollback",), "revision 3: champion pace-1\n"),
        (("stop-canary",), "revision 3: champion pace-1\n"),
        (("promote", *WHY), "revision 3: champion pace-2\n"),
        (("canary", "pace-2", "--share", "0.5", *WHY), "revision 3: champion pace-1, canary pace-2 (50 %)\n"),
        (("deploy", "pace-2", *WHY), "revision 3: champion pace-2\n"),
        (("shadow", "--off", *WHY), "revision 3: champion pace-1, canary pace-2 (10 %)\n"),
    ],
)
def test_a_change_beside_a_worker_imports_nothing_that_it_does_not_need(
    models: Models, models_dir: Path, broker: Broker, arguments: tuple[str, ...], told: str
) -> None:
    with version_worker("w1", broker, models_dir):
        assert models("deploy", "pace-1", *WHY).exit_code == 0
        assert models("canary", "pace-2", "--share", "0.1", *WHY).exit_code == 0
        assert imported_by(*arguments) == (f"{MODEL}, {told}", [])


def test_reading_the_history_imports_no_database_library(models: Models) -> None:
    assert models("deploy", "pace-2", *WHY).exit_code == 0
    told, heavy = imported_by("history", "--json")
    assert [change["revision"] for change in json.loads(told)] == [1, 0]
    assert heavy == []


@pytest.mark.parametrize("command", ["list", "show"])
def test_a_command_on_versions_imports_no_library_that_trains_or_serves(models: Models, command: str) -> None:
    assert models("deploy", "pace-1", *WHY).exit_code == 0
    told, heavy = imported_by(*("list",) if command == "list" else ("show", "pace-1"))
    assert "pace-1" in told
    assert set(heavy) <= {"sqlalchemy", "rich", "loguru"}


def imported_by(*arguments: str) -> tuple[str, list[str]]:
    """Run a command on models in a process of its own; return what it says, and which heavy libraries it has then."""
    code = (
        f"import sys; sys.argv = ['cli', 'models', *{arguments}]\n"
        "from apps.cli.__main__ import app\n"
        "try:\n    app()\n"
        f"finally:\n    sys.stderr.write(repr([name for name in {HEAVY} if name in sys.modules]))"
    )
    env = {**os.environ, "COLUMNS": "300"}
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, list(ast.literal_eval(done.stderr))
