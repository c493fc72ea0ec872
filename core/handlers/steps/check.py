"""Step ``check``: the quality gates over each file's rows."""

from typing import Any

from core.handlers.base import BaseHandler
from core.handlers.quality import check_dropped, check_extracted
from core.schemas.quality import FileQuality, QualityLimits
from core.schemas.snapshot import Snapshot


def quality(
    handler: BaseHandler, snapshots: list[Snapshot], extracted: dict[str, Any], limits: QualityLimits
) -> dict[str, FileQuality]:
    """Measure each file, and stop the run at the first that breaks a limit."""
    measured, sources = {}, handler.sources()
    for snapshot in snapshots:
        rows, source = extracted[snapshot.name], sources[snapshot.taxi]
        check_extracted(snapshot.name, rows, source, month=snapshot.month, limits=limits)
        measured[snapshot.name] = check_dropped(snapshot.name, rows, source, limits=limits)
    return measured
