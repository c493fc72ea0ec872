"""Step ``prepare``: each file by the preparation of its taxis."""

from typing import Any

from core.handlers.base import BaseHandler
from core.handlers.preparation import prepare
from core.schemas.quality import FileQuality
from core.schemas.snapshot import Snapshot


def prepared(
    handler: BaseHandler,
    snapshots: list[Snapshot],
    extracted: dict[str, Any],
    quality: dict[str, FileQuality],  # a gate: without its outcome nothing is prepared
) -> dict[str, Any]:
    """Prepare the rows of each file that passed the gates."""
    sources = handler.sources()
    return {
        snapshot.name: prepare(extracted[snapshot.name], sources[snapshot.taxi].preparation) for snapshot in snapshots
    }
