import os
from pathlib import Path

import polars as pl
import pytest

from core.managers.score_job import END_BYTES, Plan, ScoreJob, digest_of
from core.utilities.errors import ResumeError

PLAN = Plan(input="digest", rows=10, part_rows=4, model="trip_duration", version="v1")
PART = pl.DataFrame({"duration": [1.0, None], "error": [None, "model_error: x"]})


@pytest.fixture
def job(tmp_path: Path) -> ScoreJob:
    return ScoreJob(tmp_path / "out.parquet")


def test_a_part_that_was_kept_is_there_for_the_next_run(job: ScoreJob) -> None:
    with job.held():
        job.begin(PLAN, restart=False)
        job.store(1, PART)
    again = ScoreJob(job.output)
    with again.held():
        again.begin(PLAN, restart=False)
        assert [again.has(number) for number in range(3)] == [False, True, False]
        assert again.read(1).equals(PART)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"input": "other"}, "the input has changed"),
        ({"rows": 11}, "the input has changed"),
        ({"version": "v2"}, "the model has changed from trip_duration v1 to trip_duration v2"),
        ({"part_rows": 5}, "the program has changed"),
    ],
)
def test_parts_of_something_else_are_refused_with_a_reason_and_kept(
    job: ScoreJob, changes: dict[str, object], what: str
) -> None:
    with job.held():
        job.begin(PLAN, restart=False)
        job.store(0, PART)
        with pytest.raises(ResumeError, match=what) as refusal:
            job.begin(PLAN.model_copy(update=changes), restart=False)
        assert "\n" not in str(refusal.value)
        assert "--restart" in str(refusal.value)
        assert job.has(0)


def test_a_plan_that_cannot_be_read_is_refused(job: ScoreJob) -> None:
    with job.held():
        (job.folder / "plan.json").write_text("{")
        with pytest.raises(ResumeError, match="the program has changed"):
            job.begin(PLAN, restart=False)


def test_a_restart_throws_the_parts_away(job: ScoreJob) -> None:
    with job.held():
        job.begin(PLAN, restart=False)
        job.store(0, PART)
        job.begin(PLAN.model_copy(update={"version": "v2"}), restart=True)
        assert not job.has(0)


def test_parts_without_a_plan_are_thrown_away(job: ScoreJob) -> None:
    with job.held():
        job.store(0, PART)
        job.begin(PLAN, restart=False)
        assert not job.has(0)


def test_a_part_that_was_being_written_is_none(job: ScoreJob) -> None:
    with job.held():
        job.begin(PLAN, restart=False)
        job.store(0, PART)
        (job.folder / "part-00000001.unfinished").write_bytes(b"half")
        assert not job.has(1)


def test_a_part_that_is_broken_is_told(job: ScoreJob) -> None:
    with job.held():
        job.begin(PLAN, restart=False)
        job.store(0, PART)
        (job.folder / "part-00000000.arrow").write_bytes(b"broken")
        with pytest.raises(ResumeError, match="--restart"):
            job.read(0)


def test_two_runs_cannot_write_one_output(job: ScoreJob) -> None:
    with job.held(), pytest.raises(ResumeError, match="another run"), ScoreJob(job.output).held():
        pass
    with job.held():
        pass


def test_a_finished_job_leaves_the_output_and_nothing_else(job: ScoreJob) -> None:
    with job.held():
        job.begin(PLAN, restart=False)
        job.store(0, PART)
        job.unfinished.write_bytes(b"all of it")
        job.finish()
    assert job.output.read_bytes() == b"all of it"
    assert list(job.output.parent.iterdir()) == [job.output]


def test_a_run_that_scored_nothing_leaves_nothing(job: ScoreJob) -> None:
    with job.held():
        pass
    assert not job.folder.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResumeError, match="cannot be written"), ScoreJob(tmp_path / "file" / "out.parquet").held():
        pass


def test_the_digest_changes_with_either_end_with_the_size_and_with_the_time(tmp_path: Path) -> None:
    path = tmp_path / "input"

    def digest(content: bytes, time_ns: int = 1) -> str:
        path.write_bytes(content)
        os.utime(path, ns=(time_ns, time_ns))
        return digest_of(path)

    middle = b"x" * (3 * END_BYTES)
    contents = [b"", b"a", b"a" + middle + b"b", b"c" + middle + b"b", b"a" + middle + b"c", b"a" + middle + b"xb"]
    digests = [digest(content) for content in contents]
    assert len(set(digests)) == len(contents)
    assert digest(contents[2]) == digests[2]
    assert digest(contents[2], time_ns=2) != digests[2]
