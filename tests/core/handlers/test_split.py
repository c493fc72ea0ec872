from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.handlers.split import split, validation_start
from core.utilities.errors import DataError
from tests.core.handlers.extracted import extracted, trip

JANUARY, FEBRUARY, MARCH = (date(2021, number, 1) for number in (1, 2, 3))
LATE = datetime(2021, 1, 25)  # noqa: DTZ001 (the TLC's times have no zone)


def parts(trips: pl.LazyFrame, validation_days: int = 7) -> list[str]:
    marked = split(trips, train_months=[JANUARY], test_months=[FEBRUARY], validation_days=validation_days)
    return marked.collect()["part"].to_list()


def test_the_last_days_of_the_training_months_are_for_validation() -> None:
    trips = extracted(trip(pickup_at=LATE), trip(), trip(month=FEBRUARY), trip(month=MARCH))
    assert parts(trips) == ["validation", "train", "test"]


def test_without_validation_days_every_trip_of_the_training_months_is_for_training() -> None:
    after = datetime(2021, 2, 3)  # noqa: DTZ001
    assert parts(extracted(trip(pickup_at=after), trip()), validation_days=0) == ["train", "train"]


def test_a_wrong_clock_does_not_move_a_trip_of_the_test_month_into_training() -> None:
    assert parts(extracted(trip(month=FEBRUARY, pickup_at=datetime(2008, 12, 31)))) == ["test"]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("train", "test"), [([FEBRUARY], [JANUARY]), ([JANUARY, MARCH], [FEBRUARY]), ([MARCH], [MARCH])]
)
def test_training_on_what_comes_after_the_test_is_refused(train: list[date], test: list[date]) -> None:
    with pytest.raises(DataError, match="after every training month"):
        split(extracted(), train_months=train, test_months=test, validation_days=7)


@pytest.mark.parametrize(
    ("month", "days", "start"),
    [
        (date(2021, 1, 1), 7, (2021, 1, 25)),
        (date(2024, 2, 1), 1, (2024, 2, 29)),
        (date(2021, 12, 1), 31, (2021, 12, 1)),
    ],
)
def test_validation_starts_that_many_days_before_the_month_ends(
    month: date, days: int, start: tuple[int, int, int]
) -> None:
    assert validation_start([month], days) == datetime(*start)  # noqa: DTZ001


@given(st.lists(st.datetimes(datetime(2020, 12, 31), datetime(2021, 2, 1)), min_size=1, max_size=20))  # noqa: DTZ001
def test_no_trip_is_trained_on_that_starts_after_one_of_validation(starts: list[datetime]) -> None:
    trips = [trip(pickup_at=start) for start in starts]
    marked = split(extracted(*trips), train_months=[JANUARY], test_months=[FEBRUARY], validation_days=7).collect()
    times = {str(part): frame["pickup_at"] for (part,), frame in marked.group_by("part")}
    assert len(marked) == len(starts)
    if len(times) == 2:
        assert max(times["train"]) < min(times["validation"])
