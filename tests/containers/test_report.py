"""What makes a run of `make e2e-containers` fail, and what its report holds."""

from collections import Counter

import pytest

from tests.chaos.load import Tally
from tests.containers.faults import Fault, nothing
from tests.containers.recovery import Recovery
from tests.containers.report import Report
from tests.containers.siege import Siege


def siege(tally: Tally, *, errors_expected: bool = False) -> Siege:
    return Siege(
        fault=Fault(nothing, errors_expected=errors_expected),
        tally=tally,
        recovery=Recovery(first_good_s=0.1, steady_s=2.0),
        whole_s=3.0,
    )


@pytest.mark.parametrize(
    "tally",
    [
        Tally(sent=2, right=1, lost=1),
        Tally(sent=2, right=1, wrong=1),
        Tally(sent=2, right=1, died=1),
        Tally(sent=2, right=1, refused=1),
        Tally(sent=2, errors=Counter({503: 2})),
    ],
    ids=["lost", "wrong", "died", "refused", "nothing right"],
)
def test_a_broken_promise_is_a_failure(tally: Tally) -> None:
    report = Report()
    report.besieged(siege(tally))
    assert report.failures
    assert all(failure.startswith("nothing: ") for failure in report.failures)


@pytest.mark.parametrize(
    ("expected", "verdict"), [(True, "kept"), (False, "1 errors that were not expected: {503: 1}")]
)
def test_an_honest_error_is_no_failure_but_told_where_none_is_expected(*, expected: bool, verdict: str) -> None:
    report = Report()
    report.besieged(siege(Tally(sent=2, right=1, errors=Counter({503: 1})), errors_expected=expected))
    assert report.failures == []
    assert report.record()["faults"][0]["verdict"] == verdict


@pytest.mark.parametrize(
    ("tally", "again"),
    [
        (Tally(sent=2, right=1, died=1), True),
        (Tally(sent=2, right=1, lost=1), False),
        (Tally(sent=2, right=1, wrong=1), False),
    ],
    ids=["died", "lost", "wrong"],
)
def test_nothing_is_tried_again_after_a_lost_or_a_wrong_answer(tally: Tally, *, again: bool) -> None:
    report = Report()
    report.besieged(siege(tally))
    assert report.deserves_another_try is again


def test_the_record_holds_each_fault_and_the_sum() -> None:
    report = Report()
    for _ in range(2):
        report.besieged(siege(Tally(sent=10, right=10, longest_s=0.5)))
    record = report.record()
    assert [row["verdict"] for row in record["faults"]] == ["kept", "kept"]
    assert (record["faults"][0]["first_good_s"], record["faults"][0]["steady_s"]) == (0.1, 2.0)
    assert (record["total"]["sent"], record["total"]["lost"]) == (20, 0)
