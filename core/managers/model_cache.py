"""The versions that a worker process holds: several of each model, under a budget of memory."""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from loguru import logger

from core.managers.acceleration import accelerate
from core.managers.accelerator import Accelerator
from core.managers.artifacts import LoadedModel, load_bare, load_version
from core.managers.version_files import find_route
from core.schemas.catalog import CatalogEntry
from core.schemas.route import VERSION_ID, Route
from core.utilities.errors import ArtifactError, ModelBudgetError, UnknownVersionError

MEBIBYTE = 1024 * 1024
Key = tuple[str, str]
"""Model and version."""


class ModelCache:
    """Loaded versions by model name. It has what must answer when built; others come and go later.

    Loading is in two parts, so that a worker can do the long one in another thread: :meth:`read` touches nothing here,
    :meth:`keep` is quick. The rest is for one thread (the hub's greenlets).

    Parameters
    ----------
    entries : iterable of CatalogEntry
        The models to hold.
    models_dir : pathlib.Path
        Folder of the versions, ``<models_dir>/<model>/<version>/``.
    bare : mapping of str to pathlib.Path
        Model name -> a bare pickle that is served instead of a version.
    versions : mapping of str to str
        Model name -> the version that answers whatever its route says.
    routes : mapping of str to Route
        Model name -> its route, where a newer one than the file's is known.
    allowed_classes : sequence of str
        Further classes that a pickle may name.
    budget_mib : float
        Size of all artifacts held, in MiB, above which versions leave that nothing names, the longest unused first.
    accelerator : Accelerator, optional
        The device that large batches of models with a form for it go to.
    fetch : callable, optional
        Brings a version (model, version) into ``models_dir`` from elsewhere; raises ArtifactError.

    Raises
    ------
    ArtifactError
        If a champion cannot be loaded: a worker refuses to start without its models, but for one that is not essential
        and has no version yet. It starts without a canary, for which the champion answers then.
    """

    def __init__(
        self,
        entries: Iterable[CatalogEntry],
        *,
        models_dir: Path,
        bare: Mapping[str, Path],
        versions: Mapping[str, str] | None = None,
        routes: Mapping[str, Route] | None = None,
        allowed_classes: Sequence[str] = (),
        budget_mib: float = float("inf"),
        fetch: Callable[[str, str], object] | None = None,
        accelerator: Accelerator | None = None,
    ) -> None:
        self._entries = {entry.model: entry for entry in entries}
        self._models_dir = models_dir
        self._allowed_classes = allowed_classes
        self._budget = budget_mib * MEBIBYTE
        self._fetch = fetch
        self._accelerator = accelerator
        self._loaded: dict[Key, LoadedModel] = {}
        self._used_at: dict[Key, float] = {}
        self._default: dict[str, LoadedModel] = {}
        self._fixed: set[str] = set()
        self._named: set[Key] = set()
        self._routes: dict[str, Route] = {}
        for entry in self._entries.values():
            self._load_first(entry, bare=bare, pinned=(versions or {}).get(entry.model, ""), routes=routes or {})

    def _load_first(
        self, entry: CatalogEntry, *, bare: Mapping[str, Path], pinned: str, routes: Mapping[str, Route]
    ) -> None:
        model = entry.model
        if model in bare:
            loaded = load_bare(bare[model], entry=entry, allowed_classes=self._allowed_classes)
            self._fix(accelerate(loaded, self._accelerator))
            return
        if pinned:
            self._fix(self.read(model, pinned))
            return
        spread = routes.get(model)
        known = [route for route in (self._stored_route(model, spread), spread) if route is not None]
        if not known and not entry.essential:
            return
        if not known:
            raise ArtifactError(f"{model}: no route says which version answers")
        route = max(known, key=lambda route: route.revision)
        self.keep(self.read(model, route.champion), named=True)
        if route.canary is not None:
            self._load_canary(model, route.canary.version)
        self.follow({model: route})

    def _stored_route(self, model: str, spread: Route | None) -> Route | None:
        """Return the route of the file; one that cannot be read stops nobody who knows it from elsewhere."""
        try:
            return find_route(self._models_dir, model)
        except ArtifactError as error:
            if spread is None:
                raise
            logger.error("{}; the route board's revision {} counts", error, spread.revision)
            return None

    def _load_canary(self, model: str, version: str) -> None:
        """Hold a canary, or go without: the champion answers for one that workers say is broken."""
        try:
            self.keep(self.read(model, version), named=True)
        except ArtifactError as error:
            logger.error(
                "the canary {} of {} cannot be loaded, so the champion answers for it: {}", version, model, error
            )

    def _fix(self, loaded: LoadedModel) -> None:
        """Let a version answer for its model, whatever a route says."""
        self._fixed.add(loaded.name)
        self._default[loaded.name] = loaded
        self.keep(loaded, named=True)

    @property
    def fixed(self) -> list[str]:
        """The models whose version the settings decide, whatever a route says."""
        return sorted(self._fixed)

    @property
    def models(self) -> tuple[str, ...]:
        """The models of the catalog, with or without a version here."""
        return tuple(self._entries)

    def get(self, model: str, version: str | None) -> LoadedModel:
        """Return the version asked for, or the one that answers when ``version`` is ``None``.

        Raises
        ------
        UnknownVersionError
            If it is not held here.
        """
        loaded = self._default.get(model) if version is None else self._loaded.get((model, version))
        if loaded is None:
            raise UnknownVersionError(f"{model} {version or ''} is not held by this worker")
        self._used_at[model, loaded.version] = time.monotonic()
        return loaded

    def holds(self, model: str, version: str) -> bool:
        """Tell whether a version is loaded."""
        return (model, version) in self._loaded

    def held(self) -> dict[str, list[str]]:
        """Return the held versions by model; the first is the one that answers by default."""
        held = {model: [loaded.version] for model, loaded in self._default.items()}
        for model, version in self._loaded:
            if version not in held.setdefault(model, []):
                held[model].append(version)
        return held

    @property
    def device(self) -> str:
        """Where large batches are computed now: the device's name, or ``cpu`` where no version held uses one."""
        used = any(loaded.accelerated is not None for loaded in self._loaded.values())
        return self._accelerator.device.name if self._accelerator and used and not self._accelerator.resting else "cpu"

    @property
    def device_counts(self) -> tuple[int, int]:
        """Batches that the device answered, and those that it failed and the CPU answered."""
        return (self._accelerator.batches, self._accelerator.failures) if self._accelerator else (0, 0)

    def tell_failures(self) -> None:
        """Log what the device failed since the last call; not for a native thread."""
        if self._accelerator and (news := self._accelerator.news()):
            logger.warning(news)

    def is_here(self, model: str, version: str) -> bool:
        """Tell whether a version lies in this machine's folder, so that loading it needs no network."""
        is_id = re.fullmatch(VERSION_ID, version) is not None
        return is_id and model in self._entries and (self._models_dir / model / version).is_dir()

    def is_away(self, model: str, version: str) -> bool:
        """Tell whether a version must be fetched before it can be loaded, which may take its time."""
        return self._fetch is not None and model in self._entries and not self.is_here(model, version)

    def fetch(self, model: str, version: str) -> None:
        """Bring a version here from elsewhere; safe to call from any thread. Raises ArtifactError."""
        if self._fetch is not None:
            self._fetch(model, version)

    def read(self, model: str, version: str) -> LoadedModel:
        """Load a version and prove it; nothing is kept yet. Safe to call from any thread.

        Raises
        ------
        ArtifactError
            If it cannot be fetched, loaded or proven.
        """
        entry = self._entries.get(model)
        if entry is None:
            raise ArtifactError(f"the catalog has no model {model}")
        if self.is_away(model, version):
            self.fetch(model, version)
        folder = self._models_dir / model / version
        loaded = load_version(folder, entry=entry, allowed_classes=self._allowed_classes)
        return accelerate(loaded, self._accelerator)

    def keep(self, loaded: LoadedModel, *, named: bool) -> None:
        """Hold a version from now on; others that nothing names leave if there is no room.

        Parameters
        ----------
        loaded : LoadedModel
            As :meth:`read` gave it.
        named : bool
            A route names it, or is about to.

        Raises
        ------
        ModelBudgetError
            If there is no room even then.
        """
        key = (loaded.name, loaded.version)
        named_keys = self._named | {key}
        needed = sum(held.size_bytes for other, held in self._loaded.items() if other in named_keys and other != key)
        if needed + loaded.size_bytes > self._budget:
            raise ModelBudgetError(
                f"{loaded.name} {loaded.version}: its {loaded.size_bytes / MEBIBYTE:.1f} MiB do not fit beside"
                f" {needed / MEBIBYTE:.1f} MiB that routes name (MODEL_MEMORY_MIB={self._budget / MEBIBYTE:g})"
            )
        self._loaded[key] = loaded
        if loaded.device_note:
            logger.info("version {} of {} {}", loaded.version, loaded.name, loaded.device_note)
        self._used_at[key] = time.monotonic()
        if named:
            self._named.add(key)
        self._make_room(spare=key)

    def follow(self, routes: Mapping[str, Route], *, soon: Iterable[Key] = ()) -> None:
        """Let the champions of ``routes`` answer by default where they are held, and keep what is named.

        Parameters
        ----------
        routes : mapping of str to Route
            The routes that are known; an older one than was seen before is ignored, another model's stands.
        soon : iterable of (str, str)
            Models and versions that a route may name soon.
        """
        for model, route in routes.items():
            known = self._routes.get(model)
            if model in self._entries and (known is None or route.revision >= known.revision):
                self._routes[model] = route
        for model, route in self._routes.items():
            champion = self._loaded.get((model, route.champion))
            if champion is not None and model not in self._fixed:
                self._default[model] = champion
        self._named = {(model, version) for model, route in self._routes.items() for version in route.versions}
        self._named |= set(soon)
        self._named |= {(model, loaded.version) for model, loaded in self._default.items()}

    def newer_than(self, routes: Mapping[str, Route]) -> dict[str, Route]:
        """Return the changed routes known here of which ``routes`` has an older one or none."""
        return {
            model: known
            for model, known in self._routes.items()
            if known.revision > (routes[model].revision if model in routes else 0)
        }

    def wanted(self) -> list[Key]:
        """Return what is named and not held."""
        return [key for key in sorted(self._named) if key not in self._loaded and key[0] in self._entries]

    def _make_room(self, *, spare: Key) -> None:
        total = sum(held.size_bytes for held in self._loaded.values())
        idle = sorted((used_at, key) for key, used_at in self._used_at.items() if key not in self._named | {spare})
        for _, key in idle:
            if total <= self._budget:
                return
            total -= self._loaded.pop(key).size_bytes
            del self._used_at[key]
            logger.info("version {} of {} leaves: nothing names it, and others need its room", key[1], key[0])
