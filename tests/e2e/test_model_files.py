"""Which files a worker serves, and which it refuses to start with."""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.schemas.catalog import TRIP_DURATION
from tests.core.managers.old_pickle import INTERCEPT, PAIRS, SLOPE, old_pickle
from tests.e2e.pickles import Hostile, write_team_model
from tests.e2e.processes import START_TIMEOUT_S, Stack, create_stack

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def broken_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack of which only the broker runs."""
    stack = create_stack(tmp_path_factory.mktemp("broken"))
    with stack.broker.running():
        yield stack


@dataclass(frozen=True)
class Refusal:
    """How a worker ended that did not start."""

    code: int
    said: str

    @property
    def line(self) -> str:
        """The one line that says why; fails if there is a stack or more."""
        assert "Traceback" not in self.said
        lines = [line for line in self.said.splitlines() if "ERROR" in line or line.startswith("tripcast worker")]
        assert len(lines) == 1, self.said
        return lines[0]


def refuse(stack: Stack, **settings: str) -> Refusal:
    """Start a worker that must end by itself."""
    log = stack.folder / "worker.log"
    log.unlink(missing_ok=True)
    with stack.worker(**settings) as process:
        code = process.wait(START_TIMEOUT_S)
    return Refusal(code, log.read_text())


def test_a_pickle_of_scikit_learn_1_0_2_is_served(own_stack: Stack) -> None:
    path = own_stack.folder / "lin_reg.bin"
    path.write_bytes(old_pickle())

    with own_stack.running(worker={"TRIP_DURATION_MODEL": str(path)}):
        answer = own_stack.predict()

    assert answer.status_code == 200
    assert answer.json()["duration"] == pytest.approx(INTERCEPT + PAIRS["130_205"] + 3.0 * SLOPE, abs=1e-9)
    assert answer.json()["model_version"].startswith("bare-")
    assert "Warning" not in (own_stack.folder / "worker.log").read_text()


def test_a_hostile_pickle_is_refused_and_not_executed(broken_stack: Stack, tmp_path: Path) -> None:
    marker, path = tmp_path / "executed", tmp_path / "hostile.pickle"
    path.write_bytes(pickle.dumps(Hostile(marker)))

    refusal = refuse(broken_stack, TRIP_DURATION_MODEL=str(path))

    assert refusal.code == 1
    assert "mkdir" in refusal.line
    assert "allow-list" in refusal.line
    assert not marker.exists()


def test_a_teams_class_is_refused_until_it_is_allowed(broken_stack: Stack, tmp_path: Path) -> None:
    refusal = refuse(broken_stack, TRIP_DURATION_MODEL=str(write_team_model(tmp_path)))

    assert refusal.code == 1
    assert "MODEL_ALLOWED_CLASSES" in refusal.line


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 100, pickle.dumps({"not": "a model"}), old_pickle()[:200]],
    ids=["empty", "zeros", "dict", "cut off"],
)
def test_a_file_that_is_no_model_is_refused(broken_stack: Stack, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pickle"
    path.write_bytes(content)

    refusal = refuse(broken_stack, TRIP_DURATION_MODEL=str(path))

    assert refusal.code == 1
    assert refusal.line


def test_a_file_that_is_not_there_is_named(broken_stack: Stack, tmp_path: Path) -> None:
    refusal = refuse(broken_stack, TRIP_DURATION_MODEL=str(tmp_path / "nowhere.pickle"))

    assert refusal.code == 1
    assert "nowhere.pickle" in refusal.line


@pytest.mark.parametrize(
    "settings",
    [lambda _: {"MODEL_VERSION": "no-such-version"}, lambda folder: {"MODELS_DIR": str(folder)}],
    ids=["version", "folder"],
)
def test_a_version_that_is_not_there_is_named(
    broken_stack: Stack, tmp_path: Path, settings: Callable[[Path], dict[str, str]]
) -> None:
    # Where the route of this checkout was changed, workers of earlier tests have put it on the board.
    with broken_stack.broker.client() as redis:
        redis.flushall()
    refusal = refuse(broken_stack, **settings(tmp_path))

    assert refusal.code == 1
    assert "no-such-version" in refusal.line or TRIP_DURATION.model in refusal.line
