from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from core.handlers.extraction import Extraction
from core.handlers.preparation import prepare
from core.handlers.tip_share import TipShareHandler
from core.handlers.tip_sources import TIP_SOURCES
from core.models.tip_share.zones import ZoneTips
from tests.core.handlers.tlc_files import real_file
from tests.core.managers.pipeline_files import month_file

HANDLER = TipShareHandler()
MONTH = date(2021, 1, 1)
GREEN = TIP_SOURCES["green"]


def tips(*rows: dict[str, Any]) -> pl.LazyFrame:
    good = {"PULocationID": 130, "DOLocationID": 205, "fare_amount": 10.0, "tip_amount": 2.0}
    return pl.LazyFrame([good | row for row in rows])


def extracted(file: Path, target: Path) -> pl.LazyFrame:
    Extraction(name="tips", source=GREEN, file=file, format="parquet", month=MONTH).write(target)
    return pl.scan_parquet(target)


def test_only_card_payments_are_extracted(tmp_path: Path) -> None:
    file = month_file(tmp_path, "2021-01", rows=100)
    rows = extracted(file, tmp_path / "out.parquet").collect()
    paid_by_card = pl.read_parquet(file).filter(pl.col("payment_type") == 1)
    assert rows["tip_amount"].to_list() == paid_by_card["tip_amount"].to_list()
    assert len(rows) == 75


def test_the_share_is_the_tip_over_the_fare() -> None:
    assert prepare(tips({}), GREEN.preparation).collect()["tip_share"].to_list() == [0.2]


@pytest.mark.parametrize(
    "wrong",
    [{"fare_amount": 2.49}, {"fare_amount": 500.1}, {"tip_amount": 10.1}, {"tip_amount": -1.0}, {"tip_amount": None},
     {"PULocationID": 0}, {"DOLocationID": 266}],
)  # fmt: skip
def test_what_tells_nothing_about_tips_is_dropped(wrong: dict[str, Any]) -> None:
    assert len(prepare(tips({}, wrong, {}), GREEN.preparation).collect()) == 2


@pytest.mark.parametrize(("mean", "answer"), [(-0.5, 0.0), (0.25, 0.25), (1.5, 1.0)])
def test_an_answer_is_bounded_to_a_share(mean: float, answer: float) -> None:
    model = ZoneTips(mean=mean, band=np.zeros(8), pickup=np.zeros(266), dropoff=np.zeros(266))
    assert HANDLER.serve(model, HANDLER.example).predictions == [answer]


def test_real_tips_are_extracted_and_prepared(tmp_path: Path) -> None:
    rows = prepare(extracted(real_file("2021-01"), tmp_path / "out.parquet"), GREEN.preparation).collect()
    assert len(rows) == 24_210
    assert 0.1 < float(rows["tip_share"].mean()) < 0.25  # type: ignore[arg-type]
