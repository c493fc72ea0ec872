"""Step ``extract``: the family's SQL of each kind of taxi over each raw file."""

from typing import Any

from core.handlers.base import BaseHandler
from core.handlers.extraction import Extraction
from core.handlers.quality import check_raw
from core.managers.raw_store import RawStore
from core.schemas.snapshot import Snapshot


def extracted(handler: BaseHandler, snapshots: list[Snapshot], raw_store: RawStore) -> dict[str, Any]:
    """Extract the rows of each file, if it has the columns that the SQL reads."""
    sources = handler.sources()
    extractions = {
        snapshot.name: Extraction(
            name=snapshot.name,
            source=sources[snapshot.taxi],
            file=raw_store.open(snapshot),
            format=snapshot.format,
            month=snapshot.month,
        )
        for snapshot in snapshots
    }
    for name, extraction in extractions.items():
        check_raw(name, extraction)
    return dict(extractions)
