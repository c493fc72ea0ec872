from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import ROOT
from core.handlers.tlc import read_trips
from core.handlers.trip_duration import TripDurationHandler
from core.managers.artifacts import find_champion, load_version
from core.managers.pipeline import execute
from core.managers.raw_store import RawStore
from core.managers.version_files import read_manifest
from core.schemas.catalog import TRIP_DURATION
from core.schemas.evaluation import Evaluation
from core.schemas.snapshot import Snapshot
from core.utilities.errors import DataError, DataQualityError, EvaluationGateError
from tests.core.handlers.tlc_files import real_file
from tests.core.managers.pipeline_files import STEPS, Diary, month_file, parameters, workplace
from tests.core.managers.spoilt_files import SPOILT, Spoilt

SHIPPED = ROOT / "repo" / "models"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for month in ("2021-01", "2021-02"):
        month_file(tmp_path / "data", month)
    return tmp_path / "data"


def run(tmp_path: Path, data: Path, diary: Diary | None = None, *, run_id: str = "r", **changes: object) -> str:
    return str(execute(run_id, parameters(data, **changes), workplace(tmp_path), diary or Diary()))


def versions(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "repo" / "models" / "trip_duration").glob("*"))


def test_the_steps_run_in_their_order_and_end_with_a_version_that_serves(tmp_path: Path, data: Path) -> None:
    diary = Diary()
    version = run(tmp_path, data, diary)
    assert tuple(diary.computed) == STEPS
    model = load_version(tmp_path / "repo" / "models" / "trip_duration" / version, entry=TRIP_DURATION)
    assert model.manifest is not None
    assert list(model.manifest.training_data) == ["green_tripdata_2021-01.parquet"]
    evaluation = Evaluation.model_validate(model.manifest.metrics["gate"])
    assert evaluation.rows == 900
    assert evaluation.validation_rmse is not None
    assert evaluation.rmse == pytest.approx(model.manifest.metrics["evaluation"]["rmse_min"])


def test_an_unchanged_step_is_not_computed_again(tmp_path: Path, data: Path) -> None:
    version = run(tmp_path, data)
    again = Diary()
    assert run(tmp_path, data, again, run_id="other") == version
    assert again.computed == ["ingest", "register"]


def test_a_changed_parameter_computes_only_what_reads_it(tmp_path: Path, data: Path) -> None:
    run(tmp_path, data)
    diary = Diary()
    run(tmp_path, data, diary, run_id="other", validation_days=3)
    assert diary.computed == ["ingest", "split", "train", "evaluate", "register"]


@pytest.mark.parametrize("step", ["ingest", "prepare"])
def test_a_run_may_end_after_a_step_and_another_goes_on_from_there(tmp_path: Path, data: Path, step: str) -> None:
    first, rest = Diary(), Diary()
    assert execute("r", parameters(data, until=step, test_months=()), workplace(tmp_path), first) is None
    assert first.computed[-1] == step
    assert versions(tmp_path) == []
    run(tmp_path, data, rest, run_id="other")
    assert tuple(rest.computed) == STEPS


def test_what_was_prepared_for_the_same_months_is_not_prepared_again(tmp_path: Path, data: Path) -> None:
    execute("r", parameters(data, until="prepare"), workplace(tmp_path), Diary())
    rest = Diary()
    run(tmp_path, data, rest, run_id="other")
    assert rest.computed == ["ingest", "combine", "split", "train", "evaluate", "register"]


def test_changed_data_computes_all_that_follows(tmp_path: Path, data: Path) -> None:
    run(tmp_path, data)
    month_file(data, "2021-02", pace=2.1)
    diary = Diary()
    run(tmp_path, data, diary, run_id="other")
    assert tuple(diary.computed) == STEPS


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_fails_at_a_step_resumes_there_and_ends_like_an_undisturbed_one(
    tmp_path: Path, data: Path, step: str
) -> None:
    undisturbed = run(tmp_path / "whole", data)
    with pytest.raises(RuntimeError, match="as asked"):
        run(tmp_path, data, Diary(fail_at=step))
    rest = Diary()
    assert run(tmp_path, data, rest) == undisturbed
    assert tuple(rest.computed) == STEPS[STEPS.index(step) :]
    artifacts = [read_manifest(folder / "repo" / "models" / "trip_duration" / undisturbed).sha256
                 for folder in (tmp_path, tmp_path / "whole")]  # fmt: skip
    assert artifacts[0] == artifacts[1]


def test_a_resumed_run_keeps_the_files_that_it_took_in(tmp_path: Path, data: Path) -> None:
    with pytest.raises(RuntimeError):
        run(tmp_path, data, Diary(fail_at="extract"))
    before = {snapshot.name: snapshot.sha256 for snapshot in _snapshots(tmp_path, data)}
    month_file(data, "2021-01", pace=5.0)
    version = run(tmp_path, data)
    manifest = read_manifest(tmp_path / "repo" / "models" / "trip_duration" / version)
    assert manifest.training_data["green_tripdata_2021-01.parquet"] == before["green_tripdata_2021-01.parquet"]


def _snapshots(tmp_path: Path, data: Path) -> list[Snapshot]:
    store = RawStore(workplace(tmp_path).raw_dir)
    return [store.ingest(path) for path in data.iterdir()]


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path: Path, data: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        jobs = [
            threads.submit(run, tmp_path, data, run_id=str(number), validation_days=number // 2) for number in range(4)
        ]
        names = [job.result() for job in jobs]
    assert names[0] == names[1]
    assert versions(tmp_path) == sorted(set(names))


def test_a_version_that_is_worse_than_the_champion_is_not_registered(tmp_path: Path, data: Path) -> None:
    champion = run(tmp_path, data, version="good")
    month_file(tmp_path / "bad", "2020-12", pace=5.0)
    month_file(tmp_path / "bad", "2021-02")
    with pytest.raises(EvaluationGateError, match="above that of the champion good, and the noise margin is"):
        run(tmp_path, tmp_path / "bad", run_id="b", train_months=("2020-12",), champion=champion)
    assert versions(tmp_path) == ["good"]


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: spoilt.spoil.__name__)
def test_a_bad_file_stops_the_run_with_a_report_and_nothing_after_it_runs(
    tmp_path: Path, data: Path, spoilt: Spoilt
) -> None:
    spoilt.spoil(data / "green_tripdata_2021-02.parquet")
    diary = Diary()
    with pytest.raises(DataError) as raised:
        run(tmp_path, data, diary)
    assert spoilt.report in str(raised.value)
    assert isinstance(raised.value, DataQualityError) == (spoilt.step != "ingest")
    assert diary.begun[-1] == spoilt.step
    assert versions(tmp_path) == []


def test_the_shipped_champion_comes_out_of_the_pipeline_with_the_same_predictions(tmp_path: Path) -> None:
    champion = load_version(find_champion(SHIPPED, "trip_duration"), entry=TRIP_DURATION)
    assert champion.manifest is not None
    version = run(tmp_path, real_file("2021-01").parent, design="boosted")
    again = load_version(tmp_path / "repo" / "models" / "trip_duration" / version, entry=TRIP_DURATION)
    assert again.manifest is not None
    assert again.manifest.sha256 == champion.manifest.sha256
    assert again.manifest.golden_rows == champion.manifest.golden_rows
    trips = read_trips([real_file("2021-02")])
    one, other = (TripDurationHandler().predict(model.predictor, trips.columns) for model in (champion, again))
    assert one.tolist() == other.tolist()
