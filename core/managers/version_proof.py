"""What proves a version where no worker runs: it is loaded here, as a worker would, and must fit beside the others."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.managers.version_files import find_route, inside, read_manifest
from core.schemas.catalog import CATALOG, CatalogEntry
from core.utilities.errors import ArtifactError, ModelBudgetError, RouteRefusedError

MEBIBYTE = 1024 * 1024


class Proof(Protocol):
    """Says whether a worker could hold what a route is about to name."""

    def prove(self, entry: CatalogEntry, version: str) -> object:
        """Raise ArtifactError if the version is not good."""
        ...

    def fit(self, entry: CatalogEntry, versions: Sequence[str]) -> None:
        """Raise ModelBudgetError if a worker has no room for all of them."""
        ...


@dataclass(frozen=True, kw_only=True)
class LocalProof:
    """Loads versions in this process.

    Parameters
    ----------
    models_dir : Path
        ``repo/models``.
    allowed_classes : sequence of str
        Further classes that a pickle may name.
    budget_mib : float
        Size of the artifacts that a worker holds at once.
    fetch : callable, optional
        Brings a version (model, version) into ``models_dir`` from elsewhere; raises ArtifactError.
    """

    models_dir: Path
    allowed_classes: Sequence[str] = ()
    budget_mib: float = float("inf")
    fetch: Callable[[str, str], object] | None = None

    def prove(self, entry: CatalogEntry, version: str) -> object:
        """Load a version with its golden rows; raises ArtifactError."""
        from core.managers.artifacts import load_version  # noqa: PLC0415 (with a worker at hand no model is loaded here)

        folder = self.models_dir / entry.model / version
        if self.fetch is not None and not folder.is_dir():
            self.fetch(entry.model, version)
        return load_version(folder, entry=entry, allowed_classes=self.allowed_classes)

    def fit(self, entry: CatalogEntry, versions: Sequence[str]) -> None:
        """Add up the artifacts that a worker would hold, those of other models too."""
        ours = sum(self._size(entry.model, version) for version in versions)
        others = sum(self._size(*key) for key in self._routed(entry.model))
        if ours + others > self.budget_mib * MEBIBYTE:
            raise ModelBudgetError(
                f"{entry.model} {', '.join(versions)}: {ours / MEBIBYTE:.1f} MiB do not fit beside"
                f" {others / MEBIBYTE:.1f} MiB of other models (MODEL_MEMORY_MIB={self.budget_mib:g})"
            )

    def _routed(self, model: str) -> list[tuple[str, str]]:
        others = [other.model for other in CATALOG if other.model != model]
        routes = {name: find_route(self.models_dir, name) for name in others}
        return [(name, version) for name, route in routes.items() if route is not None for version in route.versions]

    def _size(self, model: str, version: str) -> int:
        """Return the size of an artifact; 0 for one that is not here, which no worker could load either."""
        folder = self.models_dir / model / version
        try:
            return inside(folder, read_manifest(folder).artifact).stat().st_size
        except (ArtifactError, OSError):
            return 0


@dataclass(frozen=True, kw_only=True)
class EarlierProof:
    """Stands in where no model may be loaded, as in a web process: what a route has named was proven then.

    A version never changes, and whoever changes a route compares its SHA-256. So one can go back, over HTTP too, from a
    version that has killed the last worker.

    Parameters
    ----------
    named : callable
        Takes a model, returns the versions that a route of it named, now or before.
    """

    named: Callable[[str], Container[str]]

    def prove(self, entry: CatalogEntry, version: str) -> None:
        """Refuse what was never on a route."""
        if version not in self.named(entry.model):
            raise RouteRefusedError(
                f"no worker runs that could load {entry.model} {version}, and no route has named it yet;"
                " start a worker, or change the route on the command line"
            )

    def fit(self, entry: CatalogEntry, versions: Sequence[str]) -> None:
        """Say nothing: a worker that has no room for a canary serves without it."""
