"""Store versions of models: whole or not at all, and never over another."""

import json
import pickle
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from core.handlers.base import TrainedModel
from core.managers.artifacts import load_version
from core.managers.version_files import MANIFEST, new_folder, write_file
from core.schemas.catalog import CatalogEntry
from core.schemas.manifest import Manifest
from core.schemas.route import VERSION_ID
from core.utilities.errors import ArtifactError
from core.utilities.hashing import sha256_of

ARTIFACT = "model.pickle"
LIBRARIES = ("numpy", "scipy", "scikit-learn")
SOURCES = (".py", ".sql", ".csv")
CODE = ("models", "handlers")
"""Packages of ``core`` whose code can change a prediction; the row's schema counts by its content."""


def store_version(
    models_dir: Path,
    trained: TrainedModel,
    *,
    entry: CatalogEntry,
    version: str | None = None,
    allowed_classes: Sequence[str] = (),
    papers: Callable[[Manifest], Mapping[str, bytes]] | None = None,
    announce: Callable[[Manifest, int], object] | None = None,
) -> Path:
    """Store a trained model as a new version, and load it back to see that it serves.

    The files are written to a folder beside the final one, which is then renamed: nobody ever sees half a version.

    Parameters
    ----------
    models_dir : Path
        ``repo/models``.
    trained : TrainedModel
        What a handler's ``train`` gave.
    entry : CatalogEntry
        The model that it is a version of.
    version : str, optional
        Default: the label and a hash over code, data, parameters and artifact.
    allowed_classes : sequence of str
        Of a team's own model, as in :func:`core.managers.artifacts.load_version`.
    papers : callable, optional
        Gives further files for the manifest, by name, which lie beside it and which nothing loads: a model card.
    announce : callable, optional
        Told of the manifest and the artifact's size in bytes before anybody can see the version; what it raises, such as
        the registry's refusal, leaves nothing behind.

    Returns
    -------
    Path
        The version's folder.

    Raises
    ------
    ArtifactError
        If that version's id is invalid or exists already, or it cannot be written, or does not load back.
    """
    content = artifact_of(trained)
    code = code_revision()
    version = version or version_id(trained, entry=entry, code=code, artifact=sha256_of(content))
    if not re.fullmatch(VERSION_ID, version):
        raise ArtifactError(f"{version!r} is no version id: letters, digits, '.', '_' and '-', 128 at most")
    manifest = _manifest(trained, entry, version=version, code=code, content=content)
    folder = models_dir / entry.model / version
    if folder.exists():
        raise ArtifactError(f"version {version} of {entry.model} exists already; versions never change")
    try:
        with new_folder(folder.parent) as parent:
            written = parent / version
            written.mkdir()
            write_file(written / ARTIFACT, content)
            write_file(written / MANIFEST, (manifest.model_dump_json(indent=2) + "\n").encode())
            for name, paper in (papers(manifest) if papers else {}).items():
                write_file(written / name, paper)
            load_version(written, entry=entry, allowed_classes=allowed_classes)
            if announce is not None:
                announce(manifest, len(content))
            written.rename(folder)
    except OSError as error:
        raise ArtifactError(f"version {version} of {entry.model} cannot be stored ({error.strerror})") from error
    return folder


def artifact_of(trained: TrainedModel) -> bytes:
    """Return the content of a trained model's artifact."""
    return trained.artifact or pickle.dumps(trained.predictor, protocol=5)


def version_id(trained: TrainedModel, *, entry: CatalogEntry, code: str, artifact: str) -> str:
    """Return the label and eight digits of a hash over everything that can change a prediction."""
    covered = {
        "code": code,
        "feature_schema": entry.row.model_json_schema(),
        "data": trained.training_data,
        "parameters": trained.parameters,
        "artifact": artifact,
        "libraries": _libraries(),
    }
    return f"{trained.label}-{sha256_of(json.dumps(covered, sort_keys=True).encode())[:8]}"


def code_revision(packages: Sequence[str] = CODE) -> str:
    """Return a hash of the code that trains and serves, or of other packages of ``core``.

    A content hash, not a commit: it is the same in a container without git, and it sees uncommitted changes.
    """
    core = Path(__file__).resolve().parents[1]
    files = sorted(path for package in packages for path in (core / package).rglob("*") if path.suffix in SOURCES)
    listing = {path.relative_to(core).as_posix(): sha256_of(path.read_bytes()) for path in files}
    return f"sources-{sha256_of(json.dumps(listing, sort_keys=True).encode())[:12]}"


def _manifest(trained: TrainedModel, entry: CatalogEntry, *, version: str, code: str, content: bytes) -> Manifest:
    return Manifest(
        name=entry.model,
        version=version,
        artifact=ARTIFACT,
        sha256=sha256_of(content),
        libraries=_libraries(),
        feature_schema=entry.row.model_json_schema(),
        training_data=trained.training_data,
        parameters=trained.parameters,
        code_revision=code,
        metrics=trained.metrics,
        golden_rows=trained.golden_rows,
        created_at=datetime.now(UTC),
    )


def _libraries() -> dict[str, Any]:
    return {"python": platform.python_version(), **{name: version_of(name) for name in LIBRARIES}}
