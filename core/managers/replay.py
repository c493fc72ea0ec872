"""Predicts recorded rows again, by the version that answered or by another one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from core.managers.artifact_store import ArtifactStore
from core.managers.artifacts import LoadedModel, load_version
from core.managers.record_reader import features_of
from core.managers.version_files import version_folder
from core.schemas.catalog import entry_of
from core.schemas.outcome import RowErrorCode
from core.utilities.errors import NotStoredError, UnknownVersionError

PART_ROWS = 5000
UNANSWERED = (RowErrorCode.DEADLINE_PASSED.value, RowErrorCode.UNKNOWN_VERSION.value)
"""Errors that say nothing about the version."""
NOT_REPLAYED = (*UNANSWERED, RowErrorCode.POISON.value)
"""What killed a worker shall not kill us."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """A recorded row and what a version makes of it now; of prediction and error, one is None."""

    request_id: str
    transaction_id: str
    row: int
    time: str
    role: str
    model: str
    recorded_version: str
    recorded: float | None
    recorded_error: str | None
    version: str
    prediction: float | None
    error: str | None

    @property
    def equal(self) -> bool:
        """Whether both are the same, bit by bit: the same number, or the same error."""
        return (self.recorded, self.recorded_error) == (self.prediction, self.error)


class Replay:
    """Loads versions from this machine's folder, each once; one that is not there is fetched, if it can be.

    Parameters
    ----------
    models_dir : Path
        ``repo/models``.
    allowed_classes : sequence of str
        As in :func:`core.managers.artifacts.load_version`.
    store : ArtifactStore, optional
        From where versions are fetched into that folder.
    """

    def __init__(
        self, models_dir: Path, *, allowed_classes: Sequence[str] = (), store: ArtifactStore | None = None
    ) -> None:
        self.gone: Counter[str] = Counter()
        """Rows that could not be replayed, by what is not here."""
        self._models_dir = models_dir
        self._allowed_classes = allowed_classes
        self._store = store
        self._loaded: dict[tuple[str, str], LoadedModel] = {}

    def replay(self, records: pl.DataFrame, *, version: str | None = None) -> list[Replayed]:
        """Predict records again, without the rows that no version answered and those that killed who predicted them.

        Rows of a version that is not here are left out too; ``gone`` says which those are.

        Parameters
        ----------
        records : DataFrame
            As a :class:`core.managers.record_reader.RecordReader` gives them.
        version : str, optional
            Who predicts; default: the version that answered.

        Raises
        ------
        ArtifactError
            If a version does not load, or the storage of versions cannot be used.
        """
        if records.is_empty():
            return []
        asked = records.filter(~pl.col("error").is_in(NOT_REPLAYED).fill_null(value=False), pl.col("version") != "")
        numbered = asked.with_row_index("place")
        replayed: dict[int, Replayed] = {}
        for (model, answered), part in numbered.partition_by("model", "version", as_dict=True).items():
            try:
                predictions, errors = self.predict(str(model), version or str(answered), part)
            except UnknownVersionError as absence:
                self.gone[str(absence)] += len(part)
                continue
            rows = part.drop("features").iter_rows(named=True)
            for row, prediction, error in zip(rows, predictions, errors, strict=True):
                replayed[row["place"]] = _paired(row, version or str(answered), prediction, error)
        return [replayed[place] for place in sorted(replayed)]

    def predict(self, model: str, version: str, records: pl.DataFrame) -> tuple[list[float | None], list[str | None]]:
        """Return predictions and error codes of records of one model, (n_rows,) each.

        Raises
        ------
        UnknownVersionError
            If the version is neither here nor in the storage.
        ArtifactError
            If it does not load, or the storage cannot be used.
        """
        loaded = self._load(model, version)
        predictions: list[float | None] = []
        errors: list[str | None] = []
        for part in records.iter_slices(PART_ROWS):
            outcome = loaded.predict(features_of(part))
            predictions += outcome.predictions
            codes = {place: error.code.value for place, error in outcome.errors.items()}
            errors += [codes.get(place) for place in range(len(part))]
        return predictions, errors

    def _load(self, model: str, version: str) -> LoadedModel:
        if (model, version) not in self._loaded:
            self._loaded[model, version] = load_version(
                self._folder(model, version), entry=entry_of(model), allowed_classes=self._allowed_classes
            )
        return self._loaded[model, version]

    def _folder(self, model: str, version: str) -> Path:
        folder = version_folder(self._models_dir, model, version)
        if folder.is_dir():
            return folder
        if self._store is None:
            raise UnknownVersionError(f"version {version} of {model} is not here")
        try:
            return self._store.fetch(model, version, self._models_dir)
        except NotStoredError as error:
            raise UnknownVersionError(f"version {version} of {model} is neither here nor in the storage") from error


def _paired(row: dict[str, Any], version: str, prediction: float | None, error: str | None) -> Replayed:
    return Replayed(
        request_id=row["request_id"],
        transaction_id=row["transaction_id"],
        row=row["row"],
        time=row["time"].isoformat(),
        role=row["role"],
        model=row["model"],
        recorded_version=row["version"],
        recorded=row["prediction"],
        recorded_error=row["error"],
        version=version,
        prediction=prediction,
        error=error,
    )
