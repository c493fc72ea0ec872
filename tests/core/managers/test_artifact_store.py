import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest

from core.handlers.base import TrainedModel
from core.managers import artifact_store
from core.managers.artifact_store import ArtifactStore, open_store
from core.managers.artifacts import load_version
from core.managers.database import open_database
from core.managers.registry import Registry
from core.managers.version_files import FETCHED
from core.schemas.catalog import TRIP_DURATION
from core.schemas.version import VersionEvent, VersionState
from core.utilities.errors import (
    ArtifactError,
    ArtifactIntegrityError,
    ArtifactStoreError,
    UnknownVersionError,
    VersionStateError,
)
from tests.core.managers.registered import MODEL, WHO, gate_of, rewrite_manifest, store
from tests.core.managers.s3 import BUCKET, KEYS, S3, create_s3
from tests.e2e.processes import wait_until
from tests.promises import check_time, tried_thrice

URL = f"s3://{BUCKET}/team/models"
AWAY_S = 5.0
SLACK_S = 5.0
"""For a machine that is busy."""
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def shared_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    server = create_s3(tmp_path_factory.mktemp("s3"))
    with server.running():
        yield server


@pytest.fixture
def s3(shared_s3: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The server, empty; a machine that stands still makes of it none that is away."""
    for name in ("CONNECT_TIMEOUT_S", "PROBE_TIMEOUT_S", "TRANSFER_TIMEOUT_S"):
        monkeypatch.setattr(artifact_store, name, PATIENCE_S)
    shared_s3.empty()
    return shared_s3


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def storage(s3: S3) -> ArtifactStore:
    return ArtifactStore(URL, endpoint_url=s3.url)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The folder of models of another machine."""
    return tmp_path / "there"


@pytest.fixture
def v1(here: Path, trained: TrainedModel) -> Path:
    folder = store(here, trained, "v1")
    (folder / "MODEL_CARD.md").write_text("a card")
    return folder


def test_what_was_fetched_is_a_candidate_at_most_where_nobody_knows_it(
    storage: ArtifactStore, s3: S3, v1: Path, there: Path, tmp_path: Path
) -> None:
    storage.push(v1, MODEL, "v1")
    engine = open_database(f"sqlite:///{tmp_path / 'theirs.sqlite'}")
    registry = Registry(engine, there)
    folder = storage.fetch(MODEL, "v1", there)  # as a worker does, which knows no registry
    (record,) = registry.versions(MODEL)
    assert (record.state, record.registered_by) == (VersionState.CANDIDATE, "storage")
    with pytest.raises(VersionStateError, match="is candidate"):
        gate_of(registry, there).require_routable(MODEL, "v1")
    registry.change(MODEL, "v1", VersionEvent.APPROVE, **WHO)
    gate_of(registry, there).require_routable(MODEL, "v1")
    engine.dispose()
    s3.empty()
    storage.push(folder, MODEL, "v1")
    keys = s3.keys()
    assert sorted(PurePosixPath(key).name for key in keys) == ["MODEL_CARD.md", "manifest.json", "model.pickle"]


def test_without_a_url_there_is_no_storage() -> None:
    assert open_store("") is None


def test_a_version_travels_whole_and_serves_on_the_other_machine(
    storage: ArtifactStore, s3: S3, v1: Path, there: Path
) -> None:
    storage.push(v1, MODEL, "v1")
    assert s3.keys() == [
        f"team/models/{MODEL}/v1/{name}" for name in ("MODEL_CARD.md", "manifest.json", "model.pickle")
    ]
    folder = storage.fetch(MODEL, "v1", there)
    assert folder == there / MODEL / "v1"
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != FETCHED} == {
        path.name: path.read_bytes() for path in v1.iterdir()
    }
    assert load_version(folder, entry=TRIP_DURATION).version == "v1"
    assert [path.name for path in (there / MODEL).iterdir()] == ["v1"]


def test_a_bucket_without_a_prefix_will_do(s3: S3, v1: Path, there: Path) -> None:
    storage = ArtifactStore(f"s3://{BUCKET}", endpoint_url=s3.url)
    storage.push(v1, MODEL, "v1")
    assert storage.versions(MODEL) == ["v1"]
    assert storage.fetch(MODEL, "v1", there).is_dir()


def test_versions_are_those_that_are_whole(storage: ArtifactStore, s3: S3, v1: Path) -> None:
    storage.push(v1, MODEL, "v1")
    s3.write(f"team/models/{MODEL}/half/model.pickle", b"x")
    s3.write(f"team/models/{MODEL}_other/v3/manifest.json", b"{}")
    assert storage.versions(MODEL) == ["v1"]
    assert storage.versions("tip_share") == []


def test_pushing_again_changes_nothing_and_what_was_left_half_is_finished(
    storage: ArtifactStore, s3: S3, v1: Path
) -> None:
    s3.write(f"team/models/{MODEL}/v1/model.pickle", b"half")
    storage.push(v1, MODEL, "v1")
    (v1 / "MODEL_CARD.md").write_text("another card")
    storage.push(v1, MODEL, "v1")
    assert s3.read(f"team/models/{MODEL}/v1/model.pickle") == (v1 / "model.pickle").read_bytes()
    assert s3.read(f"team/models/{MODEL}/v1/MODEL_CARD.md") == b"a card"


def test_another_version_of_that_id_is_refused(storage: ArtifactStore, s3: S3, v1: Path) -> None:
    manifest = {**json.loads((v1 / "manifest.json").read_text()), "sha256": "0" * 64}
    s3.write(f"team/models/{MODEL}/v1/manifest.json", json.dumps(manifest).encode())
    with pytest.raises(ArtifactStoreError, match="versions never change"):
        storage.push(v1, MODEL, "v1")
    assert s3.keys() == [f"team/models/{MODEL}/v1/manifest.json"]


def test_what_is_damaged_is_not_pushed(storage: ArtifactStore, s3: S3, v1: Path) -> None:
    (v1 / "model.pickle").write_bytes(b"x")
    with pytest.raises(ArtifactIntegrityError):
        storage.push(v1, MODEL, "v1")
    assert s3.keys() == []


@pytest.mark.parametrize("damage", ["tampered", "artifact missing", "manifest missing", "manifest of another"])
def test_what_came_damaged_leaves_nothing_behind(
    storage: ArtifactStore, s3: S3, v1: Path, there: Path, damage: str
) -> None:
    if damage == "manifest of another":
        rewrite_manifest(v1, version="v2")
        s3.write(f"team/models/{MODEL}/v1/manifest.json", (v1 / "manifest.json").read_bytes())
    else:
        storage.push(v1, MODEL, "v1")
        name = "manifest.json" if damage == "manifest missing" else "model.pickle"
        if damage == "tampered":
            s3.write(f"team/models/{MODEL}/v1/model.pickle", b"another")
        else:
            s3.client().delete_object(Bucket=BUCKET, Key=f"team/models/{MODEL}/v1/{name}")
    with pytest.raises(ArtifactError):
        storage.fetch(MODEL, "v1", there)
    assert list((there / MODEL).iterdir()) == []


def test_a_version_that_is_here_is_not_fetched_again_but_checked(storage: ArtifactStore, v1: Path, here: Path) -> None:
    assert storage.fetch(MODEL, "v1", here) == v1
    (v1 / "model.pickle").write_bytes(b"x")
    with pytest.raises(ArtifactIntegrityError):
        storage.fetch(MODEL, "v1", here)


def test_of_many_that_fetch_at_once_each_gets_it(storage: ArtifactStore, v1: Path, there: Path) -> None:
    storage.push(v1, MODEL, "v1")
    with ThreadPoolExecutor(4) as threads:
        folders = set(threads.map(lambda _: storage.fetch(MODEL, "v1", there), range(4)))
    assert folders == {there / MODEL / "v1"}
    assert [path.name for path in (there / MODEL).iterdir()] == ["v1"]


def test_a_version_that_is_nowhere_is_an_error(storage: ArtifactStore, there: Path) -> None:
    with pytest.raises(ArtifactStoreError, match="no version v9"):
        storage.fetch(MODEL, "v9", there)
    with pytest.raises(UnknownVersionError):
        storage.fetch(MODEL, "../../v9", there)


def test_registering_pushes(storage: ArtifactStore, v1: Path, here: Path, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    Registry(engine, here, store=storage).register(MODEL, v1.name, **WHO)
    engine.dispose()
    assert storage.versions(MODEL) == ["v1"]


def test_a_bucket_that_is_not_there_is_one_line(s3: S3, there: Path) -> None:
    with pytest.raises(ArtifactStoreError, match=r"^the storage of versions refused \(404\)$"):
        ArtifactStore("s3://nobody", endpoint_url=s3.url).fetch(MODEL, "v1", there)


@tried_thrice
def test_a_storage_that_is_away_is_one_line_and_soon(tmp_path: Path, there: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ArtifactStoreError, match="cannot be used") as raised:
        ArtifactStore(URL, endpoint_url=create_s3(tmp_path).url).fetch(MODEL, "v1", there)
    check_time(time.monotonic() - began, AWAY_S + SLACK_S, what="the error")
    assert "\n" not in str(raised.value)


def answers(storage: ArtifactStore) -> bool:
    with suppress(ArtifactStoreError):
        return storage.versions(MODEL) == []
    return False


@tried_thrice
def test_a_storage_that_takes_the_call_and_is_silent_is_one_line_and_soon(tmp_path: Path, there: Path) -> None:
    server = create_s3(tmp_path)
    with server.running() as process:
        storage = ArtifactStore(URL, endpoint_url=server.url)
        wait_until(lambda: answers(storage), what="the storage answers")
        os.killpg(process.pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(ArtifactStoreError, match="cannot be used"):
            storage.fetch(MODEL, "v1", there)
        check_time(time.monotonic() - began, AWAY_S + SLACK_S, what="the error")
        os.killpg(process.pid, signal.SIGCONT)
