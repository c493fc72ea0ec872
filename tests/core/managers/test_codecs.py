import pickle
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from core.handlers.base import TrainedModel
from core.handlers.extraction import Extraction
from core.handlers.trip_duration import TripDurationHandler
from core.handlers.trip_sources import TRIP_SOURCES
from core.managers.codecs import ModelCodec, TablesCodec
from core.utilities.errors import DataError, ForbiddenClassError
from core.utilities.hashing import sha256_of_file
from tests.core.handlers.tlc_files import month_of_trips


def test_tables_are_written_in_order_and_read_back_lazily(tmp_path: Path) -> None:
    file = month_of_trips(tmp_path / "trips.parquet")
    (tmp_path / "out").mkdir()
    extraction = Extraction(
        name="trips", source=TRIP_SOURCES["green"], file=file, format="parquet", month=date(2021, 1, 1)
    )
    TablesCodec().save({"b": extraction, "a": pl.LazyFrame({"x": [3, 1, 2]})}, tmp_path / "out")
    tables = TablesCodec().load(tmp_path / "out")
    assert list(tables) == ["b", "a"]
    assert tables["a"].collect()["x"].to_list() == [3, 1, 2]
    assert tables["b"].collect().height == 600


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    frame = pl.LazyFrame({"x": range(300_000)}).filter(pl.col("x") % 3 != 0)
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        TablesCodec().save({"a": frame}, tmp_path / name)
    assert sha256_of_file(tmp_path / "1" / "0.parquet") == sha256_of_file(tmp_path / "2" / "0.parquet")


def test_a_table_that_cannot_be_computed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be computed"):
        TablesCodec().save({"a": pl.LazyFrame({"x": ["a"]}).select(pl.col("x").cast(pl.Int64))}, tmp_path)


def test_a_trained_model_comes_back_with_all_that_its_manifest_says(trained: TrainedModel, tmp_path: Path) -> None:
    codec = ModelCodec(TripDurationHandler.artifact_classes)
    codec.save(trained, tmp_path)
    loaded = codec.load(tmp_path)
    assert (loaded.label, loaded.parameters, loaded.training_data, loaded.metrics, loaded.golden_rows) == (
        trained.label,
        trained.parameters,
        trained.training_data,
        trained.metrics,
        trained.golden_rows,
    )
    served = TripDurationHandler().serve(loaded.predictor, trained.golden_rows.columns)
    assert served.predictions == trained.golden_rows.predictions


def test_a_kept_model_is_read_through_the_allow_list(trained: TrainedModel, tmp_path: Path) -> None:
    codec = ModelCodec(TripDurationHandler.artifact_classes)
    codec.save(trained, tmp_path)
    (tmp_path / "predictor.pickle").write_bytes(pickle.dumps(Path("/")))
    with pytest.raises(ForbiddenClassError):
        codec.load(tmp_path)
