"""A worker gets what a route is about to name from a storage on S3, a real server's."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from core.managers.artifact_store import ArtifactStore
from core.managers.rollout import Rollout
from core.managers.version_files import write_route
from core.schemas.route import Route
from core.utilities.errors import RouteRefusedError
from tests.core.managers.paced_versions import store_paced
from tests.core.managers.s3 import BUCKET, KEYS, S3, create_s3
from tests.e2e.processes import wait_until
from tests.e2e.routed import CHAMPION, MODEL, Installation

pytestmark = pytest.mark.e2e

URL = f"s3://{BUCKET}/team"
ADA = {"who": "ada", "why": "it is better"}
MILES = 3.0
PAPER = "paper.bin"
LARGE = bytes(20 * 1024 * 1024)
"""Comes in several parts at once."""


class Elsewhere:
    """A running installation whose workers have the champion alone; versions are made on another machine."""

    def __init__(self, routed: Installation, s3: S3, there: Path) -> None:
        self.routed, self.s3, self._there = routed, s3, there
        self.settings = {**routed.settings(), **KEYS, "ARTIFACT_STORE": URL, "S3_ENDPOINT_URL": s3.url}

    def store(self, pace: int, *, paper: bytes = b"") -> str:
        """Make a version on the other machine, and push it to the storage, with a further file."""
        version = store_paced(self._there, pace)
        (self._there / MODEL / version / PAPER).write_bytes(paper)
        ArtifactStore(URL, endpoint_url=self.s3.url).push(self._there / MODEL / version, MODEL, version)
        return version

    @contextmanager
    def opened(self) -> Iterator[Rollout]:
        with self.routed.elsewhere(self._there) as rollout:
            yield rollout

    def refuse(self, version: str, reason: str) -> None:
        """See a deployment refused with the reason, also in the history, and the old version answer."""
        old = self.answer()
        with self.opened() as rollout:
            with pytest.raises(RouteRefusedError, match=reason):
                rollout.desk.deploy(MODEL, version, **ADA)
            change = rollout.history.changes(MODEL, limit=1)[0]
            route = rollout.desk.current(MODEL)
        assert reason in (change.refused or "")
        assert route is not None
        assert route.champion == old[0]
        assert self.answer() == old
        assert not self.routed.folder(version).exists()

    def answer(self) -> tuple[str, float]:
        """Return who answers now, and what."""
        body = self.routed.stack.predict(trip_distance=MILES).json()
        return body["model_version"], body["duration"]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> S3:
    return create_s3(tmp_path_factory.mktemp("s3"))


@pytest.fixture(scope="module")
def elsewhere(s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    routed = Installation(tmp_path_factory.mktemp("stored"), paces=[1])
    there = tmp_path_factory.mktemp("there")
    store_paced(there, 1)
    write_route(there, MODEL, Route(champion=CHAMPION))
    elsewhere = Elsewhere(routed, s3, there)
    with routed.stack.running(worker=elsewhere.settings, **routed.settings()):
        yield elsewhere


@pytest.fixture
def storage(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    """The installation while its storage can be reached."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with elsewhere.s3.running():
        yield elsewhere


def test_a_version_that_is_only_in_the_storage_is_deployed(storage: Elsewhere) -> None:
    version = storage.store(2, paper=LARGE)
    with storage.opened() as rollout:
        rollout.desk.deploy(MODEL, version, **ADA)
    wait_until(lambda: storage.answer() == (version, 2 * MILES), what="it answers")
    assert (storage.routed.folder(version) / PAPER).read_bytes() == LARGE


def test_a_worker_on_a_new_machine_fetches_what_answers(storage: Elsewhere, tmp_path: Path) -> None:
    version = storage.store(7)
    with storage.opened() as rollout:
        rollout.desk.deploy(MODEL, version, **ADA)
    elsewhere = {**storage.settings, "MODELS_DIR": str(tmp_path / "empty")}
    with storage.routed.stack.worker(**elsewhere):

        def answering() -> list[str]:
            return [beat["models"][MODEL][0] for beat in storage.routed.stack.broker.heartbeats()]

        wait_until(lambda: answering() == [version, version], what="both workers answer with it")
    assert (tmp_path / "empty" / MODEL / version / "manifest.json").is_file()


def test_a_request_fetches_nothing(storage: Elsewhere) -> None:
    version = storage.store(3)
    assert storage.routed.stack.predict(model_version=version).status_code == 404
    assert not storage.routed.folder(version).exists()


def test_an_artifact_that_was_changed_in_the_storage_is_refused(storage: Elsewhere) -> None:
    version = storage.store(4)
    key = f"team/{MODEL}/{version}/model.pickle"
    storage.s3.write(key, storage.s3.read(key) + b" ")
    storage.refuse(version, "SHA-256")


def test_what_the_storage_does_not_hold_is_refused(storage: Elsewhere, tmp_path: Path) -> None:
    version = storage.store(5)
    storage.s3.empty()
    storage.refuse(version, f"holds no version {version}")


def test_with_the_storage_away_the_change_is_refused_at_once(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        stack.enter_context(elsewhere.s3.running())
        version = elsewhere.store(6)
    elsewhere.refuse(version, "storage of versions cannot be used")
