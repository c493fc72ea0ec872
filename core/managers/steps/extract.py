"""Step ``extract``: the SQL of each kind of taxi over each raw file."""

from typing import Any

from core.handlers.extraction import Extraction
from core.handlers.quality import check_raw
from core.managers.raw_store import RawStore
from core.schemas.snapshot import Snapshot


def extracted(snapshots: list[Snapshot], raw_store: RawStore) -> dict[str, Any]:
    """Extract the trips of each file, if it has the columns that the SQL reads."""
    extractions = {
        snapshot.name: Extraction(
            name=snapshot.name,
            taxi=snapshot.taxi,
            file=raw_store.open(snapshot),
            format=snapshot.format,
            month=snapshot.month,
        )
        for snapshot in snapshots
    }
    for name, extraction in extractions.items():
        check_raw(name, extraction)
    return dict(extractions)
