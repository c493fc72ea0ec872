from datetime import UTC, datetime

from core.schemas.quality import QualityLimits
from core.schemas.run import Run, RunParameters, RunState, StepRecord
from core.services.run_comparison import differing_parameters, differing_steps, outputs

NOW = datetime(2021, 1, 1, tzinfo=UTC)


def step(name: str, output: str | None, attempt: int = 1) -> StepRecord:
    return StepRecord(
        step=name,
        attempt=attempt,
        input_sha256="0",
        output_sha256=output,
        reused=False,
        started_at=NOW,
        finished_at=NOW,
    )


def run(*steps: StepRecord, null_share: float = 0.01, train_months: tuple[str, ...] = ("2021-01",)) -> Run:
    limits = QualityLimits(null_share=null_share)
    return Run(
        id="r",
        state=RunState.SUCCEEDED,
        step=None,
        parameters=RunParameters(train_months=train_months, test_months=("2022-01",), limits=limits),
        for_worker=False,
        attempt=1,
        created_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        error=None,
        version="v",
        owner=None,
        lease_until=None,
        steps=steps,
    )


def test_equal_runs_differ_in_nothing() -> None:
    assert differing_parameters(run(), run()) == []
    assert differing_steps(run(step("train", "a")), run(step("train", "a"))) == []


def test_parameters_inside_of_others_are_named_by_their_path() -> None:
    (one, other) = differing_parameters(run(), run(null_share=0.2, train_months=("2021-01", "2021-02")))
    assert (one.what, one.first, one.second) == ("train_months", "2021-01", "2021-01, 2021-02")
    assert (other.what, other.first, other.second) == ("limits.null_share", "0.01", "0.2")


def test_a_step_that_only_one_run_has_differs() -> None:
    (difference,) = differing_steps(run(step("split", "a"), step("train", "b")), run(step("split", "a")))
    assert (difference.what, difference.first, difference.second) == ("train", "b", "-")


def test_the_last_output_of_a_step_counts() -> None:
    assert outputs(run(step("train", None), step("train", "a", 2))) == {"train": "a"}
