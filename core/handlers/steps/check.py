"""Step ``check``: the quality gates over each file's trips."""

from typing import Any

from core.handlers.preparation import PREPARATIONS
from core.handlers.quality import check_dropped, check_extracted
from core.schemas.quality import FileQuality, QualityLimits
from core.schemas.snapshot import Snapshot


def quality(snapshots: list[Snapshot], extracted: dict[str, Any], limits: QualityLimits) -> dict[str, FileQuality]:
    """Measure each file, and stop the run at the first that breaks a limit."""
    measured = {}
    for snapshot in snapshots:
        trips = extracted[snapshot.name]
        check_extracted(snapshot.name, trips, month=snapshot.month, limits=limits)
        measured[snapshot.name] = check_dropped(snapshot.name, trips, PREPARATIONS[snapshot.taxi], limits=limits)
    return measured
