"""How the outputs of steps are written to files and read back: tables as Parquet, the rest as JSON, a model as a pickle."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import polars as pl
from pydantic import TypeAdapter

from core.handlers.base import TrainedModel
from core.handlers.extraction import Extraction
from core.managers.unpickler import unpickle
from core.managers.versions import artifact_of
from core.schemas.manifest import GoldenRows
from core.utilities.errors import DataError

ROW_GROUP_ROWS = 100_000
"""Fixed, so that the same rows make the same bytes whatever the machine's number of cores."""


class Codec(Protocol):
    """Writes a value into an empty folder, and reads it back from there."""

    def save(self, value: Any, folder: Path) -> None:  # noqa: ANN401 (what the step returned)
        """Write ``value``."""
        ...

    def load(self, folder: Path) -> Any:  # noqa: ANN401
        """Read what ``save`` wrote."""
        ...


class JsonCodec:
    """For values that pydantic can read back from JSON.

    Parameters
    ----------
    kind : type
        Of the values.
    """

    def __init__(self, kind: Any) -> None:  # noqa: ANN401 (also list[Snapshot] and the like)
        self._type: TypeAdapter[Any] = TypeAdapter(kind)

    def save(self, value: Any, folder: Path) -> None:  # noqa: ANN401
        """Write ``value.json``."""
        (folder / "value.json").write_bytes(self._type.dump_json(value))

    def load(self, folder: Path) -> Any:  # noqa: ANN401
        """Read ``value.json``."""
        return self._type.validate_json((folder / "value.json").read_bytes())


class TablesCodec:
    """For tables by name: lazy polars frames, or extractions, which DuckDB runs when they are written.

    Both are computed piece by piece as they are written; what is read back is a scan, of which only what is
    asked for comes into memory.
    """

    def save(self, value: dict[str, pl.LazyFrame | Extraction], folder: Path) -> None:
        """Write one Parquet file for each table, and ``tables.json``: the file of each name, in order."""
        files = {name: f"{number}.parquet" for number, name in enumerate(value)}
        for name, table in value.items():
            self._write(table, folder / files[name])
        (folder / "tables.json").write_text(json.dumps(files))

    def load(self, folder: Path) -> dict[str, pl.LazyFrame]:
        """Scan the tables."""
        files: dict[str, str] = json.loads((folder / "tables.json").read_bytes())
        return {name: pl.scan_parquet(folder / file) for name, file in files.items()}

    @staticmethod
    def _write(table: pl.LazyFrame | Extraction, target: Path) -> None:
        if isinstance(table, Extraction):
            table.write(target)
            return
        try:
            table.sink_parquet(target, row_group_size=ROW_GROUP_ROWS, maintain_order=True)
        except pl.exceptions.PolarsError as error:
            raise DataError(f"a table cannot be computed ({type(error).__name__})") from error


class ModelCodec:
    """For a trained model: the predictor as a pickle that is read back through the allow-list, the rest as JSON.

    Parameters
    ----------
    allowed_classes : sequence of str
        Our own classes that the predictor may be made of.
    """

    def __init__(self, allowed_classes: Sequence[str]) -> None:
        self._allowed = allowed_classes
        self._golden: TypeAdapter[GoldenRows] = TypeAdapter(GoldenRows)

    def save(self, value: TrainedModel, folder: Path) -> None:
        """Write ``predictor.pickle`` and ``trained.json``."""
        (folder / "predictor.pickle").write_bytes(artifact_of(value))
        told = {
            "label": value.label,
            "training_data": value.training_data,
            "parameters": value.parameters,
            "metrics": value.metrics,
            "golden_rows": value.golden_rows.model_dump(mode="json"),
        }
        (folder / "trained.json").write_text(json.dumps(told))

    def load(self, folder: Path) -> TrainedModel:
        """Read both; raises ArtifactError where the pickle names anything outside the allow-list."""
        artifact = (folder / "predictor.pickle").read_bytes()
        predictor: Any = unpickle(artifact, allowed_classes=self._allowed)
        told = json.loads((folder / "trained.json").read_bytes())
        trained = TrainedModel(predictor=predictor, artifact=artifact, **told)
        return replace(trained, golden_rows=self._golden.validate_python(told["golden_rows"]))
