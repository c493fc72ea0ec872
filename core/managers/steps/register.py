"""Step ``register``: a version of what passed the gate."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.handlers.base import TrainedModel
from core.managers.card_files import card_files, prose_of
from core.managers.version_files import read_manifest
from core.managers.versions import artifact_of, code_revision, store_version, version_id
from core.schemas.catalog import CatalogEntry
from core.schemas.evaluation import Evaluation
from core.schemas.gate_limits import GateLimits
from core.schemas.manifest import Manifest
from core.schemas.quality import FileQuality
from core.schemas.snapshot import Snapshot
from core.services.model_card import CardFacts
from core.utilities.errors import ArtifactError, EvaluationGateError
from core.utilities.hashing import sha256_of


def registered(
    *,
    entry: CatalogEntry,
    trained: TrainedModel,
    evaluation: Evaluation,
    models_dir: Path,
    version: str,
    allowed_classes: list[str],
    snapshots: list[Snapshot],
    quality: dict[str, FileQuality],
    gate: GateLimits,
    command: str,
) -> str:
    """Store the version with its card, and return its id; an empty ``version`` stands for the months and a hash.

    May run again after a kill, or beside another run that came to the same: a version of that id with the same artifact
    is taken for stored.
    """
    if not evaluation.verdict.passed:
        raise EvaluationGateError(f"not registered: {'; '.join(evaluation.verdict.reasons)}")
    artifact = sha256_of(artifact_of(trained))
    name = version or version_id(trained, entry=entry, code=code_revision(), artifact=artifact)
    told = replace(trained, metrics={**trained.metrics, "gate": evaluation.model_dump(mode="json")})

    def papers(manifest: Manifest) -> Mapping[str, bytes]:
        facts = CardFacts(
            manifest=manifest,
            evaluation=evaluation,
            limits=gate,
            quality=quality,
            files={snapshot.name: snapshot.sha256 for snapshot in snapshots},
            command=command,
            prose=prose_of(entry.model),
        )
        return card_files(facts)

    try:
        return store_version(
            models_dir, told, entry=entry, version=name, allowed_classes=allowed_classes, papers=papers
        ).name
    except ArtifactError:
        if not _holds(models_dir / entry.model / name, artifact):
            raise
        return name


def _holds(folder: Path, artifact: str) -> bool:
    """Tell whether a version is stored with that artifact, by its SHA-256."""
    try:
        return read_manifest(folder).sha256 == artifact
    except ArtifactError:
        return False
