"""Compares two versions on recorded rows; what one of them answered there is not predicted again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from core.handlers.version_diff import compare
from core.managers.artifact_store import ArtifactStore
from core.managers.record_reader import RecordReader
from core.managers.recorded_answers import answers_of, rows_of
from core.managers.replay import Replay
from core.schemas.comparison import Comparison, WorstRow
from core.schemas.record import NOT_RECORDED
from core.utilities.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Comparer:
    """Compares versions of one installation, in this process.

    Parameters
    ----------
    records_dir, models_dir : Path
        Where records and versions are.
    allowed_classes : sequence of str
        As in :func:`core.managers.artifacts.load_version`.
    store : ArtifactStore, optional
        As in :class:`core.managers.replay.Replay`.
    """

    records_dir: Path
    models_dir: Path
    allowed_classes: Sequence[str] = ()
    store: ArtifactStore | None = None

    def compare(
        self, model: str, versions: tuple[str, str], *, over: tuple[datetime, datetime] | int, bound: float
    ) -> Comparison:
        """Compare two versions.

        Parameters
        ----------
        model : str
            Of the catalog.
        versions : (str, str)
            Two different ones.
        over : (datetime, datetime) or int
            A period, or so many of the newest records.
        bound : float
            A larger difference is counted; in the label's unit.

        Raises
        ------
        DataError
            If nothing is recorded there, or cannot be read.
        UnknownVersionError
            If a version must predict, and is neither here nor in the storage.
        ArtifactError
            If it does not load, or the storage cannot be used.
        """
        reader = RecordReader(self.records_dir)
        records = reader.last(model, over) if isinstance(over, int) else reader.between(model, *over)
        if records.is_empty():
            raise DataError(f"no prediction of {model} is recorded there; {NOT_RECORDED}")
        rows = rows_of(records)
        replay = Replay(self.models_dir, allowed_classes=self.allowed_classes, store=self.store)
        (first, known), (second, also_known) = (
            answers_of(rows, records, version=version, replay=replay) for version in versions
        )
        told = asdict(compare(first, second, bound=bound))
        worst = [
            WorstRow(
                request_id=rows["request_id"][place],
                row=rows["row"][place],
                features=rows["features"][place],
                predictions=(float(first[place]), float(second[place])),
            )
            for place in told.pop("worst")
        ]
        return Comparison(versions=versions, recorded=(known, also_known), worst=worst, **told)
