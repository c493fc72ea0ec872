"""Load versions of models, so that nothing serves before it has proven what it is.

In this order: the manifest is valid and lies where it says; the artifact's bytes have the manifest's SHA-256; those
same bytes unpickle through the allow-list; the model predicts its golden rows.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.handlers.base import BaseHandler
from core.handlers.predictor import Predictor
from core.managers.unpickler import unpickle
from core.managers.version_files import inside, named, read_file, read_manifest, read_route
from core.schemas.catalog import CatalogEntry
from core.schemas.manifest import GoldenRows, Manifest
from core.schemas.outcome import BatchOutcome
from core.schemas.wire import PreparedRows
from core.utilities.errors import ArtifactError, ArtifactIntegrityError, GoldenRowsError
from core.utilities.hashing import sha256_of

GOLDEN_TOLERANCE = 1e-9
"""Relative, and absolute below 1: room for another order of a sum, not for another model."""


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A version that may serve.

    Parameters
    ----------
    name, version : str
        Model and version id; ``bare-<hash>`` for a bare pickle.
    predictor : Predictor
        The model.
    handler : BaseHandler
        Of the model's family.
    manifest : Manifest or None
        None for a bare pickle.
    size_bytes : int
        Of the artifact.
    accelerated : Predictor, optional
        The model with large batches on a device; see :func:`core.managers.acceleration.accelerate`.
    device_note : str
        What there is to say about the device, for the log.
    """

    name: str
    version: str
    predictor: Predictor
    handler: BaseHandler
    manifest: Manifest | None
    size_bytes: int = 0
    accelerated: Predictor | None = None
    device_note: str = ""

    def predict(self, columns: Mapping[str, list[Any]]) -> BatchOutcome:
        """Predict a batch as it came off the wire; safe to call from any thread."""
        return self.handler.serve(self.predictor, columns, by=self.accelerated)

    def prepare(self, columns: Mapping[str, list[Any]]) -> PreparedRows:
        """Tell what the model looks at in a batch as it came off the wire.

        Raises
        ------
        FeatureError
            If a column or a value is not what the model takes.
        """
        return PreparedRows(
            model=self.name, version=self.version, features=self.handler.prepare(self.predictor, columns)
        )


def load_handler(entry: CatalogEntry) -> BaseHandler:
    """Build the handler that a catalog entry names."""
    module, _, name = entry.handler.partition(":")
    handler: BaseHandler = getattr(importlib.import_module(module), name)()
    return handler


def load_version(folder: Path, *, entry: CatalogEntry, allowed_classes: Sequence[str] = ()) -> LoadedModel:
    """Load a version from its folder, ``<models_dir>/<model>/<version>``.

    Parameters
    ----------
    folder : Path
        Holds the artifact and ``manifest.json``.
    entry : CatalogEntry
        The model that the version is of.
    allowed_classes : sequence of str
        Classes that the artifact may name beside those of scikit-learn and ours, ``module.Class`` each.

    Raises
    ------
    ArtifactError
        If a file is missing, the manifest is invalid or of another version, or the artifact does not unpickle.
    ArtifactIntegrityError
        If the artifact is not the one that the manifest names.
    ForbiddenClassError
        If it names a class outside the allow-list.
    GoldenRowsError
        If the model does not predict its golden rows.
    """
    manifest = read_manifest(folder)
    if (manifest.name, manifest.version) != (entry.model, folder.name):
        raise ArtifactError(f"{named(folder)}: its manifest is of another model or version")
    required, known = set(manifest.feature_schema.get("required", ())), set(entry.features)
    if not required <= known:
        raise ArtifactError(f"{named(folder)}: it needs features that {entry.model} does not have")
    content = read_file(inside(folder, manifest.artifact))
    if sha256_of(content) != manifest.sha256:
        raise ArtifactIntegrityError(f"{named(folder)}: the artifact's SHA-256 is not the manifest's")
    handler = load_handler(entry)
    model = LoadedModel(
        name=entry.model,
        version=manifest.version,
        predictor=handler.adapt(unpickle(content, allowed_classes=[*handler.artifact_classes, *allowed_classes])),
        handler=handler,
        manifest=manifest,
        size_bytes=len(content),
    )
    check_golden_rows(model, manifest.golden_rows)
    return model


def load_bare(path: Path, *, entry: CatalogEntry, allowed_classes: Sequence[str] = ()) -> LoadedModel:
    """Load a pickle that has no manifest: a file that the operator names and vouches for.

    There is no hash and there are no golden rows to check, so it must at least predict the handler's example.
    Its version id is ``bare-`` and the first 12 digits of its SHA-256.

    Raises
    ------
    ArtifactError
        If the file is missing, does not unpickle, or holds nothing that this model's handler can serve.
    ForbiddenClassError
        If it names a class outside the allow-list.
    GoldenRowsError
        If it does not predict the example.
    """
    content = read_file(path)
    handler = load_handler(entry)
    predictor = handler.adapt(unpickle(content, allowed_classes=[*handler.artifact_classes, *allowed_classes]))
    model = LoadedModel(
        name=entry.model,
        version=f"bare-{sha256_of(content)[:12]}",
        predictor=predictor,
        handler=handler,
        manifest=None,
        size_bytes=len(content),
    )
    errors = model.predict(handler.example).errors
    if errors:
        raise GoldenRowsError(f"{path.name}: it does not predict even the example ({errors[0].detail})")
    return model


def find_champion(models_dir: Path, model: str) -> Path:
    """Return the folder of the version that answers for ``model``, as ``route.json`` says.

    Raises
    ------
    ArtifactError
        If there is no valid route, or no such version.
    """
    route = read_route(models_dir, model)
    folder = models_dir / model / route.champion
    if not folder.is_dir():
        raise ArtifactError(f"{model}: its route names version {route.champion}, which is not there")
    return folder


def check_golden_rows(model: LoadedModel, golden: GoldenRows) -> None:
    """Check that a model gives its golden rows' predictions again, within 1e-9.

    Raises
    ------
    GoldenRowsError
        If there are none, a row fails, or a prediction differs.
    """
    outcome = model.predict(golden.columns)
    if not golden.predictions or len(outcome.predictions) != len(golden.predictions):
        raise GoldenRowsError(f"{model.name}/{model.version}: its manifest has no golden rows with a prediction each")
    for row, (wanted, given) in enumerate(zip(golden.predictions, outcome.predictions, strict=True)):
        if given is None or not abs(given - wanted) <= GOLDEN_TOLERANCE * max(1.0, abs(wanted)):
            raise GoldenRowsError(f"{model.name}/{model.version}: golden row {row} is not predicted as it was stored")
