"""Which version a request is sent to: the one it asks for, the one that the settings pin, the one of the route."""

import asyncio
from collections.abc import Mapping

from core.managers.route_table import RouteTable
from core.managers.worker_directory import WorkerDirectory
from core.schemas.catalog import CatalogEntry
from core.utilities.errors import NoVersionError, UnknownVersionError

REMEMBERED_S = 2.0
GRACE_S = 0.5
"""Answers under way when a route changes are still given; later ones are asked for anew. A change is heard of within a
quarter of a second, and a second after it no version may answer that it took off."""
MAX_REMEMBERED = 1000


class VersionChoice:
    """Chooses versions; used on the event loop only.

    Parameters
    ----------
    pinned : mapping of str to str
        Model -> the version that answers whatever its route says.
    routes : RouteTable
        The routes.
    workers : WorkerDirectory
        The workers, some of which may answer with one version whatever a route says.
    """

    def __init__(self, pinned: Mapping[str, str], routes: RouteTable, workers: WorkerDirectory) -> None:
        self._pinned = pinned
        self._routes = routes
        self._workers = workers
        self._unknown: dict[tuple[str, str], float] = {}

    def choose(self, entry: CatalogEntry, request_id: str, *, asked: str | None) -> str | None:
        """Return the version for a request, None to leave it to the worker.

        Raises
        ------
        UnknownVersionError
            If the version asked for was not known to a worker a moment ago: a caller who asks for what is not there
            shall cost the workers nothing.
        """
        if asked is not None:
            if self._unknown and self._unknown.get((entry.model, asked), 0.0) > _now():
                raise UnknownVersionError(f"{entry.model} has no version {asked}")
            return asked
        pinned = self._pinned.get(entry.model)
        if pinned or self._workers.decide(entry.queue, entry.model):
            return pinned
        chosen = self._routes.choose(entry.model, request_id)
        if self._workers.broken and (entry.queue, entry.model, chosen) in self._workers.broken:
            return self.champion(entry.model)  # for a canary that a worker started without
        return chosen

    def is_outdated(self, entry: CatalogEntry, version: str) -> bool:
        """Tell whether a version left the route so long ago that what it answers now is not to be given any more."""
        if self._routes.seconds_off(entry.model, version) < GRACE_S:
            return False
        return not (self._pinned.get(entry.model) or self._workers.decide(entry.queue, entry.model))

    def champion(self, model: str) -> str:
        """Return the version that answers by default as settings and route say; empty if the workers decide."""
        if self._pinned.get(model):
            return self._pinned[model]
        route = self._routes.get(model)
        return route.champion if route is not None else ""

    def unknown(self, model: str, version: str, *, routed: bool) -> NoVersionError | UnknownVersionError:
        """Return what is said of a version that a worker does not have: whose fault that is, decides.

        Where a caller asked for it, that is remembered for a moment.
        """
        if routed:
            return NoVersionError(f"no worker could answer with {model} {version}")
        self._note_unknown(model, version)
        return UnknownVersionError(f"{model} has no version {version}")

    def _note_unknown(self, model: str, version: str) -> None:
        now = _now()
        if len(self._unknown) >= MAX_REMEMBERED:
            self._unknown = {key: until for key, until in self._unknown.items() if until > now}
        if len(self._unknown) < MAX_REMEMBERED:
            self._unknown[model, version] = now + REMEMBERED_S


def _now() -> float:
    return asyncio.get_running_loop().time()
