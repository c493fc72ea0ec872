import math

import pytest

from bench.route_load import Answer
from bench.verdict import Journal, Verdict, judge, share_of, unsteady

VALUES = {"a": [1.0, 2.0], "b": [10.0, 20.0]}


def answer(version: str, at: float, *, trip: int = 0, minutes: float | None = None, status: int = 200) -> Answer:
    told = VALUES.get(version, [0.0, 0.0])[trip] if minutes is None else minutes
    return Answer(trip, "id", status, version, told, "transaction", at - 0.1, at)


@pytest.fixture
def journal() -> Journal:
    """Version a from the beginning, b alone since 10.2 at the latest."""
    journal = Journal()
    journal.note(["a"], called_at=0.0, done_at=0.0)
    journal.note(["b"], called_at=10.0, done_at=10.2)
    return journal


@pytest.mark.parametrize(
    ("version", "at", "allowed"),
    [
        ("a", 5.0, True),
        ("b", 9.9, False),
        ("b", 10.0, True),
        ("a", 11.2, True),
        ("a", 11.3, False),
        ("b", 1e9, True),
        ("c", 5.0, False),
    ],
)
def test_a_version_may_answer_while_it_is_routed_and_a_second_longer(
    journal: Journal, version: str, at: float, allowed: bool
) -> None:
    assert journal.allowed(version, at) is allowed


def test_each_answer_is_judged_by_its_status_its_version_and_its_value(journal: Journal) -> None:
    answers = [
        answer("a", 5.0),
        answer("b", 12.0, trip=1),
        answer("a", 12.0),
        answer("b", 12.0, minutes=1.0),
        answer("", 12.0, status=503),
    ]
    assert judge(answers, journal, VALUES) == Verdict(answers=5, failed=1, stale=1, untrue=1, versions=2)
    assert judge(answers, journal, VALUES, slack_s=1.0).stale == 0


def test_a_version_that_nobody_knows_answers_untruly(journal: Journal) -> None:
    assert judge([answer("c", 5.0)], journal, VALUES).untrue == 1


def test_ids_that_two_versions_answered_are_counted_once() -> None:
    assert unsteady([("1", "a"), ("1", "b"), ("1", "a"), ("2", "a"), ("2", "a")]) == 1


def test_a_share_has_its_binomial_interval() -> None:
    share = share_of(100, 1000)
    assert share.middle == 0.1
    assert 0.07 < share.low < 0.08
    assert 0.12 < share.high < 0.13
    assert math.isnan(share_of(0, 0).middle)
