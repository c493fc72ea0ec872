"""From a deployment to a canary to a promotion and back, over HTTP and on the command line, with real processes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.managers.version_files import write_route
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Canary, Route
from core.services.routing import choose_version
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.e2e.processes import ANSWER_TIMEOUT_S, ROOT, Stack, wait_until

pytestmark = pytest.mark.e2e

MODEL = TRIP_DURATION.model
KEY = "swordfish"
IDS = [str(number) for number in range(20)]
MILES = 3.0


@dataclass(frozen=True)
class Site:
    """A stack, and the settings that all its processes share."""

    stack: Stack
    settings: dict[str, str]

    def over_http(self, action: str, **wanted: Any) -> None:
        """Change the route with a request."""
        path = f"{self.stack.url}/v1/models/{MODEL}/route/{action}"
        body = {"who": "ada", "why": "a test", **wanted}
        answer = httpx.post(path, json=body, headers={"X-API-Key": KEY}, timeout=ANSWER_TIMEOUT_S)
        assert answer.status_code == httpx.codes.OK, answer.text

    def on_the_command_line(self, action: str, **wanted: Any) -> None:
        """Change the route with a command."""
        version = [wanted.pop("version")] if "version" in wanted else []
        options = [f"--{name}={value}" for name, value in {"why": "a test", **wanted}.items()]
        self.command(action, *version, *options)

    def command(self, *arguments: str) -> str:
        """Give a command on models; return what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "apps.cli", "models", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.stack.env(**self.settings)},
            check=False,
            capture_output=True,
            text=True,
            timeout=ANSWER_TIMEOUT_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def answers(self) -> dict[str, str]:
        """Return who answers each of the ids; each answer is really that version's."""
        answered = {}
        for request_id in IDS:
            answer = self.stack.predict(request_id=request_id, trip_distance=MILES)
            assert answer.status_code == httpx.codes.OK, answer.text
            version = answer.json()["model_version"]
            assert answer.json()["duration"] == int(version.removeprefix("pace-")) * MILES
            answered[request_id] = version
        return answered


@pytest.fixture
def site(own_stack: Stack) -> Iterator[Site]:
    """Three versions, the first is the champion; one real worker, one web process."""
    models_dir: Path = own_stack.folder / "models"
    for pace in (1, 2, 3):
        store_paced(models_dir, pace)
    write_route(models_dir, MODEL, Route(champion="pace-1"))
    settings = {"MODELS_DIR": str(models_dir), "MODEL_ALLOWED_CLASSES": ",".join(CLASSES), "ADMIN_API_KEY": KEY}
    with own_stack.running(worker=settings, **settings):
        yield Site(own_stack, settings)


@pytest.mark.parametrize("way", [Site.over_http, Site.on_the_command_line], ids=["http", "cli"])
def test_callers_are_answered_as_the_route_says_by_value(site: Site, way: Callable[..., None]) -> None:
    def expect(route: Route) -> None:
        wanted = {request_id: choose_version(route, request_id) for request_id in IDS}
        assert set(wanted.values()) == set(route.answering)
        wait_until(lambda: site.answers() == wanted, what=f"answers as {route} says")

    expect(Route(champion="pace-1"))
    way(site, "deploy", version="pace-2")
    expect(Route(champion="pace-2"))
    way(site, "canary", version="pace-3", share=0.4)
    expect(Route(champion="pace-2", canary=Canary(version="pace-3", share=0.4)))
    way(site, "promote")
    expect(Route(champion="pace-3"))
    way(site, "rollback")
    expect(Route(champion="pace-2"))

    noted = json.loads(site.command("history", "--json"))
    assert [change["action"] for change in noted] == ["rollback", "promote", "canary", "deploy", "found"]
    listed = json.loads(site.command("list", "--json"))
    assert [item["version"] for item in listed if item["role"] == "champion"] == ["pace-2"]
