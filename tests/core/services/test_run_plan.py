from datetime import date

import pytest

from core.services.run_plan import newest_months, recent_files

NAMES = [f"green_tripdata_{month}.parquet" for month in ("2021-11", "2021-12", "2022-01")]


@pytest.mark.parametrize(
    ("train_months", "wanted"), [(1, ("2021-12",)), (2, ("2021-11", "2021-12")), (9, ("2021-11", "2021-12"))]
)
def test_the_newest_month_is_for_the_test_and_those_before_it_for_training(
    train_months: int, wanted: tuple[str, ...]
) -> None:
    assert newest_months(NAMES, taxi="green", train_months=train_months) == (wanted, "2022-01")


@pytest.mark.parametrize(
    "names",
    [
        [],
        NAMES[:1],
        [NAMES[0], "yellow_tripdata_2021-12.parquet"],
        [NAMES[0], "green_tripdata_2021-12.head.parquet", "notes.txt"],
        [NAMES[0], NAMES[0].replace("parquet", "csv")],
    ],
)
def test_one_month_is_not_enough(names: list[str]) -> None:
    assert newest_months(names, taxi="green", train_months=1) is None


def test_recent_files_are_those_of_the_last_months_over_the_turn_of_the_year() -> None:
    names = recent_files(date(2022, 3, 31), taxi="green")
    assert names[0] == "green_tripdata_2021-09.parquet"
    assert names[-1] == "green_tripdata_2022-02.parquet"
    assert len(names) == 6
