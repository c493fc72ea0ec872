"""What was recorded is predicted again by versions that only a storage has, a real server's."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.managers.artifact_store import ArtifactStore
from core.managers.record_reader import RecordReader
from core.managers.replay import Replay
from core.managers.version_files import FETCHED
from core.schemas.catalog import TRIP_DURATION
from core.schemas.comparison import ComparisonOrder, ComparisonReply, ComparisonRequest
from core.utilities.errors import ArtifactStoreError
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.core.managers.record_rows import new_record
from tests.core.managers.recorded import store_records
from tests.core.managers.s3 import BUCKET, KEYS, S3, create_s3

MODEL = TRIP_DURATION.model
URL = f"s3://{BUCKET}/team"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A storage that holds ``pace-1`` and ``pace-2``."""
    server, there = create_s3(tmp_path_factory.mktemp("s3")), tmp_path_factory.mktemp("there")
    with server.running(), pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        for pace in (1, 2):
            version = store_paced(there, pace)
            ArtifactStore(URL, endpoint_url=server.url).push(there / MODEL / version, MODEL, version)
        yield server


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Three miles each, answered by ``pace-1`` and by one that nobody has."""
    answers = [new_record(name, version=f"pace-{name}", prediction=3.0) for name in ("1", "9")]
    store_records(tmp_path / "records", *answers)
    return tmp_path / "records"


def replay_with(store: ArtifactStore, models_dir: Path) -> Replay:
    return Replay(models_dir, allowed_classes=CLASSES, store=store)


def test_a_version_is_fetched_and_what_the_storage_does_not_hold_is_gone(s3: S3, records: Path, tmp_path: Path) -> None:
    replay = replay_with(ArtifactStore(URL, endpoint_url=s3.url), tmp_path / "models")
    (row,) = replay.replay(RecordReader(records).last(MODEL, 100))
    assert (row.version, row.prediction, row.equal) == ("pace-1", 3.0, True)
    assert (tmp_path / "models" / MODEL / "pace-1" / FETCHED).exists()
    assert replay.gone == {f"version pace-9 of {MODEL} is neither here nor in the storage": 1}


def test_a_storage_that_is_away_is_no_version_that_is_gone(s3: S3, records: Path, tmp_path: Path) -> None:
    replay = replay_with(ArtifactStore("s3://elsewhere", endpoint_url=s3.url), tmp_path / "models")
    with pytest.raises(ArtifactStoreError, match="refused"):
        replay.replay(RecordReader(records).last(MODEL, 100))


def test_the_recorder_compares_versions_that_it_must_fetch(s3: S3, records: Path, tmp_path: Path) -> None:
    request = ComparisonRequest(first="pace-1", second="pace-2", last=100)
    order = ComparisonOrder(id="an-order", model=MODEL, request=request, until=0.0)
    env = {
        **KEYS,
        "ARTIFACT_STORE": URL,
        "S3_ENDPOINT_URL": s3.url,
        "MODELS_DIR": str(tmp_path / "models"),
        "DATA_DIR": str(records.parent),
        "MODEL_ALLOWED_CLASSES": ",".join(CLASSES),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        command = [sys.executable, "-m", "apps.recorder.comparison", order.model_dump_json()]
        done = subprocess.run(command, capture_output=True, check=True)
    told = ComparisonReply.model_validate_json(done.stdout).comparison
    assert told is not None
    assert (told.versions, told.rows, told.recorded, told.mean_abs) == (("pace-1", "pace-2"), 2, (1, 0), 3.0)
