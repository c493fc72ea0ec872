"""Step ``prepare``: each file by the preparation of its taxis."""

from typing import Any

from core.handlers.preparation import PREPARATIONS, prepare
from core.schemas.quality import FileQuality
from core.schemas.snapshot import Snapshot


def prepared(
    snapshots: list[Snapshot],
    extracted: dict[str, Any],
    quality: dict[str, FileQuality],  # a gate: without its outcome nothing is prepared
) -> dict[str, Any]:
    """Prepare the trips of each file that passed the gates."""
    return {snapshot.name: prepare(extracted[snapshot.name], PREPARATIONS[snapshot.taxi]) for snapshot in snapshots}
