"""The versions that a worker process holds, loaded before its first task."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.managers.artifacts import LoadedModel, find_champion, has_route, load_bare, load_version
from core.schemas.catalog import CatalogEntry
from core.utilities.errors import UnknownVersionError


class ModelCache:
    """Loaded versions by model name; complete when built, read-only afterwards.

    Parameters
    ----------
    entries : iterable of CatalogEntry
        The models to hold.
    models_dir : pathlib.Path
        Folder of the versions, ``<models_dir>/<model>/<version>/``.
    bare : mapping of str to pathlib.Path
        Model name -> a bare pickle that is served instead of a version.
    versions : mapping of str to str
        Model name -> the version to hold instead of the champion.
    allowed_classes : sequence of str
        Further classes that a pickle may name.

    Raises
    ------
    ArtifactError
        If a version cannot be loaded: a worker refuses to start without its models, but for one that is
        not essential and has no version yet.
    """

    def __init__(
        self,
        entries: Iterable[CatalogEntry],
        *,
        models_dir: Path,
        bare: Mapping[str, Path],
        versions: Mapping[str, str] | None = None,
        allowed_classes: Sequence[str] = (),
    ) -> None:
        self._default: dict[str, LoadedModel] = {}
        for entry in entries:
            version = (versions or {}).get(entry.model, "")
            if entry.model in bare:
                loaded = load_bare(bare[entry.model], entry=entry, allowed_classes=allowed_classes)
            elif not entry.essential and not version and not has_route(models_dir, entry.model):
                continue
            else:
                folder = models_dir / entry.model / version if version else find_champion(models_dir, entry.model)
                loaded = load_version(folder, entry=entry, allowed_classes=allowed_classes)
            self._default[entry.model] = loaded

    def get(self, model: str, version: str | None) -> LoadedModel:
        """Return the version asked for, or the one that answers when ``version`` is ``None``.

        Raises
        ------
        UnknownVersionError
            If it is not held here.
        """
        loaded = self._default.get(model)
        if loaded is None or version not in (None, loaded.version):
            raise UnknownVersionError(f"{model} {version or ''} is not held by this worker")
        return loaded

    def held(self) -> dict[str, list[str]]:
        """Return the held versions by model; the first is the one that answers by default."""
        return {model: [loaded.version] for model, loaded in self._default.items()}
