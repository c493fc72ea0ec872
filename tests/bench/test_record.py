from pathlib import Path

from bench.record import ChunkPoint, Record
from tests.bench.records import dial_points, point, record


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    chunk = ChunkPoint(kind="bulk", round=0, rows=3, rows_per_s=1.5, errors=0)
    written = record(point("ours", 1.0), dial=dial_points({0.0: 1.0}), chunks=[chunk])

    written.write(tmp_path / "new" / "run.json", derived={"anything": 1})

    assert Record.read(tmp_path / "new" / "run.json") == written
