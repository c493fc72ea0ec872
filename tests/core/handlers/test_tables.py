"""What every kind of table promises, and what is special about each."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.handlers.columns import ColumnRule, check_rows, column_rules
from core.handlers.score import complaint, score_frame
from core.handlers.table import Table
from core.handlers.tables import open_table
from core.schemas.trip import TripRow
from core.utilities.errors import DataError

RULES = tuple(rule for rule in column_rules(TripRow) if isinstance(rule, ColumnRule))
NAMES = [rule.name for rule in RULES]
KINDS = [".parquet", ".csv", ".ndjson", ".jsonl"]
ROWS = [{"PULocationID": 1 + i % 265, "DOLocationID": 265 - i % 265, "trip_distance": i / 8} for i in range(100)]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as the kind of file that the name says."""
    frame = pl.DataFrame(rows)
    match path.suffix:
        case ".parquet":
            frame.write_parquet(path, row_group_size=7)
        case ".csv":
            frame.write_csv(path)
        case _:
            frame.write_ndjson(path)
    return path


def opened(path: Path, kind: str = "") -> Table:
    return open_table(path, kind=kind or path.suffix, rules=RULES, output="duration")


def scored_by_distance(table: Table, rows: int) -> Any:
    """Let each good row's distance be its prediction."""
    for part in table.slices(rows):
        checked = table.check(part)
        predictions = checked.features["trip_distance"].tolist()
        yield part, score_frame(checked, output="duration", predictions=predictions, errors={})


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file that was written."""
    match path.suffix:
        case ".parquet":
            return pl.read_parquet(path).to_dicts()
        case ".csv":
            return pl.read_csv(path, schema_overrides={"error": pl.String}).to_dicts()
        case _:
            return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 7, 50, 99, 100, 101])
def test_slices_have_their_size_and_all_rows_in_order(tmp_path: Path, kind: str, size: int) -> None:
    table = opened(write(tmp_path / f"rows{kind}", ROWS))
    parts = list(table.slices(size))
    assert table.rows == len(ROWS)
    assert [len(part) for part in parts] == [size] * (100 // size) + [100 % size] * (100 % size > 0)
    features = [table.check(part).features for part in parts]
    for name in NAMES:
        assert [value for part in features for value in part[name].tolist()] == [row[name] for row in ROWS]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_the_input_and_what_came_out(tmp_path: Path, kind: str) -> None:
    rows = [row | {"note": f'"{i}", \\ é'} for i, row in enumerate(ROWS)]
    table = opened(write(tmp_path / f"rows{kind}", rows))
    output = tmp_path / f"out{kind}"
    table.write(scored_by_distance(table, 32), output, kind=kind, metadata={"model_version": "v"})
    expected = [row | {"duration": row["trip_distance"]} for row in rows]
    assert [{name: row[name] for name in (*rows[0], "duration")} for row in read(output)] == expected
    assert all(row.get("error") is None for row in read(output))


@pytest.mark.parametrize("kind", [".parquet", ".csv"])
def test_a_table_of_columns_may_be_written_as_the_other_kind(tmp_path: Path, kind: str) -> None:
    other = ".csv" if kind == ".parquet" else ".parquet"
    table = opened(write(tmp_path / f"rows{kind}", ROWS), other)
    table.write(scored_by_distance(table, 64), tmp_path / f"out{other}", kind=other, metadata={})
    assert [row["duration"] for row in read(tmp_path / f"out{other}")] == [row["trip_distance"] for row in ROWS]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_table_has_no_slices_and_is_written_empty(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"rows{kind}"
    if kind in {".parquet", ".csv"}:
        write(path, ROWS[:1])
        frame = (pl.read_parquet if kind == ".parquet" else pl.read_csv)(path).clear()
        (frame.write_parquet if kind == ".parquet" else frame.write_csv)(path)
    else:
        path.write_text("\n\n")
    table = opened(path)
    assert (table.rows, list(table.slices(10))) == (0, [])
    table.write([], tmp_path / f"out{kind}", kind=kind, metadata={})
    assert read(tmp_path / f"out{kind}") == []


def test_the_metadata_of_a_parquet_file_says_who_predicted(tmp_path: Path) -> None:
    table = opened(write(tmp_path / "rows.parquet", ROWS))
    metadata = {"model_name": "trip_duration", "model_version": "v7"}
    table.write(scored_by_distance(table, 32), tmp_path / "out.parquet", kind=".parquet", metadata=metadata)
    assert pl.read_parquet_metadata(tmp_path / "out.parquet").items() >= metadata.items()


values = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.integers(-5, 600), st.floats(-1, 600), st.floats(),
    st.integers(0, 300).map(float), st.lists(st.integers(), max_size=2),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, values)), min_size=1, max_size=20))
def test_a_line_is_good_exactly_if_the_row_would_be_as_a_request(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    (tmp_path / "rows.ndjson").write_text("\n".join(json.dumps(row) for row in rows))
    table = opened(tmp_path / "rows.ndjson")
    [part] = table.slices(100)
    checked = table.check(part)
    for index, (row, line) in enumerate(zip(rows, part["line"], strict=True)):
        error = checked.errors[index] if checked.errors is not None else None
        if "NaN" in line.decode() or "Infinity" in line.decode():
            assert error is not None
        else:
            alone = check_rows({name: [row.get(name)] for name in NAMES}, RULES)
            assert error == (complaint(alone[0]) if alone else None)


NUMBERS: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
    "PULocationID": lambda: st.one_of(st.none(), st.integers(-5, 300)),
    "trip_distance": lambda: st.one_of(st.none(), st.floats(), st.floats(-1, 600)),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(NUMBERS["PULocationID"](), NUMBERS["trip_distance"]()), min_size=1, max_size=20),
    st.sampled_from([pl.Int64, pl.Int16, pl.Float64]),
)
def test_a_row_of_a_parquet_file_is_good_exactly_if_it_would_be_as_a_request(
    tmp_path: Path, rows: list[tuple[int | None, float | None]], zone_type: Any
) -> None:
    frame = pl.DataFrame(
        {"PULocationID": [row[0] for row in rows], "DOLocationID": 7, "trip_distance": [row[1] for row in rows]},
        schema={"PULocationID": zone_type, "DOLocationID": pl.Int32, "trip_distance": pl.Float64},
    )
    frame.write_parquet(tmp_path / "rows.parquet")
    table = opened(tmp_path / "rows.parquet")
    [part] = table.slices(100)
    checked = table.check(part)
    alone = check_rows({name: frame[name].to_list() for name in NAMES}, RULES)
    errors = checked.errors.to_list() if checked.errors is not None else [None] * len(rows)
    assert errors == [complaint(alone[index]) if index in alone else None for index in range(len(rows))]
    good = [index for index in range(len(rows)) if index not in alone]
    assert (checked.places.tolist() if checked.places is not None else good) == good
    assert checked.features["trip_distance"].tolist() == [rows[index][1] for index in good]
    assert checked.features["PULocationID"].tolist() == [rows[index][0] for index in good]


def test_a_fraction_is_no_zone(tmp_path: Path) -> None:
    write(tmp_path / "rows.parquet", [{"PULocationID": 1.5, "DOLocationID": 2.0, "trip_distance": 1.0}])
    table = opened(tmp_path / "rows.parquet")
    errors = table.check(next(table.slices(1))).errors
    assert errors is not None
    assert errors.to_list() == ["invalid_row: PULocationID: not an integer of 1..265"]


@pytest.mark.parametrize(
    ("cell", "good"),
    [("130", True), (" 130 ", True), ("130.0", True), ("1.3e2", True), ("130.5", False), ("", False), ("abc", False)],
)
def test_a_cell_of_a_csv_file_is_a_number_if_it_reads_as_one(tmp_path: Path, cell: str, good: bool) -> None:
    (tmp_path / "rows.csv").write_text(f"PULocationID,DOLocationID,trip_distance\n{cell},205,3\n")
    table = opened(tmp_path / "rows.csv")
    assert (table.check(next(table.slices(1))).errors is None) == good


def test_the_cells_of_a_csv_file_are_written_back_as_they_stood(tmp_path: Path) -> None:
    text = 'id,PULocationID,DOLocationID,trip_distance,note\n007,130,0205,3.10,"a, ""b"""\n'
    (tmp_path / "rows.csv").write_text(text)
    table = opened(tmp_path / "rows.csv")
    table.write(scored_by_distance(table, 10), tmp_path / "out.csv", kind=".csv", metadata={})
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == '007,130,0205,3.10,"a, ""b""",3.1,'


def test_a_line_is_written_back_as_it_came_with_one_field_more(tmp_path: Path) -> None:
    lines = [
        '{"PULocationID":130, "DOLocationID" : 205, "trip_distance": 3.0, "big": 123456789012345678901234567890 }',
        '{"PULocationID": 0, "DOLocationID": 205, "trip_distance": 3.0}',
        "{ }",
        "nonsense",
        "[1]",
    ]
    (tmp_path / "rows.ndjson").write_text("\n\n".join(lines))
    table = opened(tmp_path / "rows.ndjson")
    table.write(scored_by_distance(table, 2), tmp_path / "out.ndjson", kind=".ndjson", metadata={})
    written = (tmp_path / "out.ndjson").read_text().splitlines()
    assert written[0] == lines[0][:-2] + ',"duration":3.0}'
    assert written[1] == lines[1][:-1] + ',"error":"invalid_row: PULocationID: not an integer of 1..265"}'
    assert json.loads(written[2]) == {"error": "invalid_row: PULocationID: not an integer of 1..265"}
    assert json.loads(written[3]) == {"line": "nonsense", "error": "invalid_row: not a JSON object"}
    assert json.loads(written[4]) == {"line": "[1]", "error": "invalid_row: not a JSON object"}


REFUSED: dict[str, tuple[str, str, bytes]] = {
    "no such kind": ("rows.xlsx", ".csv", b""),
    "no such output": ("rows.csv", ".xlsx", b"a"),
    "lines as columns": ("rows.ndjson", ".csv", b"{}"),
    "not Parquet": ("rows.parquet", ".parquet", b"nonsense"),
    "no column": ("rows.csv", ".csv", b"PULocationID,DOLocationID\n1,2\n"),
    "the output is there": ("rows.csv", ".csv", b"PULocationID,DOLocationID,trip_distance,duration\n1,2,3,4\n"),
    "the error is there": ("rows.csv", ".csv", b"PULocationID,DOLocationID,trip_distance,error\n1,2,3,4\n"),
    "empty CSV": ("rows.csv", ".csv", b""),
}


@pytest.mark.parametrize(("name", "kind", "content"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_scored_is_refused_with_one_line(tmp_path: Path, name: str, kind: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as refusal:
        opened(tmp_path / name, kind)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        opened(tmp_path / "rows.csv")


@pytest.mark.parametrize("kind", [pl.String, pl.Boolean])
def test_a_parquet_column_that_is_not_of_numbers_is_refused(tmp_path: Path, kind: Any) -> None:
    frame = pl.DataFrame(ROWS[:1]).with_columns(pl.lit(None, dtype=kind).alias("trip_distance"))
    frame.write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="not of numbers"):
        opened(tmp_path / "rows.parquet")


def test_a_line_that_has_the_output_already_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.ndjson").write_text('{"duration": 1}')
    table = opened(tmp_path / "rows.ndjson")
    with pytest.raises(DataError, match="duration"):
        table.check(next(table.slices(1)))


def test_a_file_that_breaks_off_in_the_middle_is_told_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(",".join(NAMES) + "\n" + "1,2,3\n" * 10 + "1,2,3,4,5,6\n")
    table = opened(tmp_path / "rows.csv")
    with pytest.raises(DataError, match=r"rows\.csv cannot be read"):
        list(table.slices(5))


TIMED = [
    row | {"pickup_datetime": time}
    for row, time in zip(ROWS[:3], ["2021-01-05T08:30:00", None, "nonsense"], strict=True)
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_rows_may_leave_out_is_read_where_it_is_there(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"rows{kind}", TIMED)
    table = open_table(path, kind=kind, rules=column_rules(TripRow), output="duration")
    checked = table.check(next(table.slices(10)))
    assert checked.features["pickup_datetime"] == ["2021-01-05T08:30:00", None]
    assert checked.errors is not None
    assert checked.errors.to_list()[:2] == [None, None]
    assert "pickup_datetime: not a time" in checked.errors.to_list()[2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_without_that_column_has_no_such_feature(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"rows{kind}", ROWS)
    table = open_table(path, kind=kind, rules=column_rules(TripRow), output="duration")
    assert list(table.check(next(table.slices(10))).features) == NAMES


def test_timestamps_are_local_and_those_with_a_zone_are_converted(tmp_path: Path) -> None:
    moment = datetime(2021, 7, 5, 12, 30, 59, 999_999)  # noqa: DTZ001 (local time)
    frame = pl.DataFrame(ROWS[:2]).with_columns(pickup_datetime=pl.Series([moment, None], dtype=pl.Datetime("us")))
    frame.write_parquet(tmp_path / "local.parquet")
    frame.with_columns(pl.col("pickup_datetime").dt.replace_time_zone("UTC")).write_parquet(tmp_path / "utc.parquet")
    features = {}
    for name in ("local", "utc"):
        table = open_table(
            tmp_path / f"{name}.parquet", kind=".parquet", rules=column_rules(TripRow), output="duration"
        )
        features[name] = table.check(next(table.slices(10))).features["pickup_datetime"]
    assert features == {"local": ["2021-07-05T12:30:59", None], "utc": ["2021-07-05T08:30:59", None]}


def test_a_column_of_times_that_holds_numbers_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", [ROWS[0] | {"pickup_datetime": 3}])
    with pytest.raises(DataError, match="pickup_datetime is not of times"):
        open_table(path, kind=".parquet", rules=column_rules(TripRow), output="duration")
