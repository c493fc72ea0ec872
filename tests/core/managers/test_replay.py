import random
from pathlib import Path

import pytest

from core.managers.artifacts import load_version
from core.managers.record_reader import RecordReader
from core.managers.recorded_answers import answers_of, rows_of
from core.managers.replay import Replay, Replayed
from core.schemas.catalog import CATALOG, TRIP_DURATION, CatalogEntry
from core.utilities.errors import UnknownVersionError
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.core.managers.record_rows import new_record
from tests.core.managers.recorded import store_records

MODEL = TRIP_DURATION.model
SHIPPED = Path(__file__).resolve().parents[3] / "repo" / "models"
VERSIONS = [
    (entry, folder)
    for entry in CATALOG
    for folder in sorted((SHIPPED / entry.model).iterdir())
    if (folder / "manifest.json").is_file()
]
ROWS = 600


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    """A replay with the versions ``pace-1`` and ``pace-2``; recorded are trips of three miles."""
    for pace in (1, 2):
        store_paced(tmp_path / "models", pace)
    return Replay(tmp_path / "models", allowed_classes=CLASSES)


def replayed(replay: Replay, folder: Path, version: str | None = None) -> list[Replayed]:
    return replay.replay(RecordReader(folder / "records").last(MODEL, 100), version=version)


def test_the_same_number_is_equal_and_the_next_one_is_not(replay: Replay, tmp_path: Path) -> None:
    answers = (3.0, 3.0000000000000004)
    records = [new_record(str(place), version="pace-1", prediction=answer) for place, answer in enumerate(answers)]
    store_records(tmp_path / "records", *records)
    assert [row.equal for row in replayed(replay, tmp_path)] == [True, False]


def test_each_row_is_predicted_by_the_version_that_answered_unless_another_is_asked(
    replay: Replay, tmp_path: Path
) -> None:
    records = [new_record(name, version=f"pace-{name}", prediction=3.0 * int(name)) for name in ("2", "1")]
    store_records(tmp_path / "records", *records)
    assert [(row.request_id, row.prediction, row.equal) for row in replayed(replay, tmp_path)] == [
        ("2", 6.0, True),
        ("1", 3.0, True),
    ]
    assert [row.prediction for row in replayed(replay, tmp_path, "pace-2")] == [6.0, 6.0]


def test_an_error_is_equal_to_the_same_error_and_what_nobody_answered_is_left_out(
    replay: Replay, tmp_path: Path
) -> None:
    failed = {"version": "pace-1", "prediction": None}
    records = [new_record(code, error=code, **failed) for code in ("model_error", "deadline_passed", "poison")]
    store_records(tmp_path / "records", *records)
    (row,) = replayed(replay, tmp_path)
    assert (row.recorded_error, row.prediction, row.error, row.equal) == ("model_error", 3.0, None, False)


def test_rows_of_a_version_that_is_gone_are_left_out_and_counted(replay: Replay, tmp_path: Path) -> None:
    records = [new_record(name, version=f"pace-{name}", prediction=3.0) for name in ("1", "9")]
    store_records(tmp_path / "records", *records)
    assert [row.version for row in replayed(replay, tmp_path)] == ["pace-1"]
    assert replay.gone == {f"version pace-9 of {MODEL} is not here": 1}
    with pytest.raises(UnknownVersionError, match="pace-9"):
        replay.predict(MODEL, "pace-9", RecordReader(tmp_path / "records").last(MODEL, 1))


def test_of_a_row_and_its_shadow_one_is_compared_and_both_answers_are_used(replay: Replay, tmp_path: Path) -> None:
    answered = [new_record(name, version="pace-1", prediction=3.5) for name in ("a", "b")]
    shadow = answered[0]._replace(version="pace-2", role="shadow", prediction=7.0, time=answered[0].time - 1)
    store_records(tmp_path / "records", shadow, *answered)
    records = RecordReader(tmp_path / "records").last(MODEL, 100)
    rows = rows_of(records)
    assert rows.select("request_id", "role").rows() == [("a", "champion"), ("b", "champion")]
    first, second = (answers_of(rows, records, version=f"pace-{pace}", replay=replay) for pace in (1, 2))
    assert (first[0].tolist(), first[1]) == ([3.5, 3.5], 2)
    assert (second[0].tolist(), second[1]) == ([7.0, 6.0], 1)


def test_a_row_that_killed_who_predicted_it_is_not_compared(replay: Replay, tmp_path: Path) -> None:
    poison = new_record("a", version="pace-1", prediction=None, error="poison")
    store_records(tmp_path / "records", poison, new_record("b", version="pace-1"))
    records = RecordReader(tmp_path / "records").last(MODEL, 100)
    assert rows_of(records)["request_id"].to_list() == ["b"]


@pytest.mark.parametrize(("entry", "folder"), VERSIONS, ids=[folder.name for _, folder in VERSIONS])
def test_a_row_alone_is_predicted_as_among_others_bit_by_bit(entry: CatalogEntry, folder: Path) -> None:
    loaded = load_version(folder, entry=entry)
    assert loaded.manifest is not None
    columns = varied(loaded.manifest.golden_rows.columns)
    among_others = loaded.predict(columns).predictions
    for size in (1, 7, 64):
        parts = [
            {name: values[start : start + size] for name, values in columns.items()} for start in range(0, ROWS, size)
        ]
        assert [value for part in parts for value in loaded.predict(part).predictions] == among_others


def varied(golden: dict[str, list[float]]) -> dict[str, list[float]]:
    """Rows that no training saw: each feature's golden values, mixed; what is no id or time is moved a little."""
    dice = random.Random(3)  # noqa: S311 (test data)
    columns = {name: dice.choices(values, k=ROWS) for name, values in golden.items()}
    return {
        name: [value * dice.uniform(0.5, 1.5) for value in values] if isinstance(values[0], float) else values
        for name, values in columns.items()
    }
