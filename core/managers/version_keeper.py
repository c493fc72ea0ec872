"""The version keeper: a worker's eye on the route board. It loads what is named, in the background.

It also puts back what the board has forgotten. A web process does so too (:mod:`core.managers.route_table`), but the one
that has heard of a change may be gone by then, and after a start from the files alone only workers know the route.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from loguru import logger

from core.managers.artifacts import LoadedModel
from core.managers.model_cache import Key, ModelCache
from core.managers.plain_redis import redis_errors
from core.managers.route_board import RouteBoard
from core.schemas.preparation import FailedLoad
from core.schemas.route import Route
from core.utilities.errors import ArtifactError, UnknownVersionError

INTERVAL_S = 0.2
ValueT = TypeVar("ValueT")


class Aside(Protocol):
    """Calls a function where it does not hold up the caller's neighbours, and returns its result."""

    def __call__(self, function: Callable[[], ValueT], /) -> ValueT:
        """Call ``function``."""
        ...


def at_once(function: Callable[[], ValueT], /) -> ValueT:
    """Call ``function`` here."""
    return function()


class VersionKeeper:
    """Keeps a model cache in step with the routes, in a thread of its own (a greenlet, where threading is patched).

    Parameters
    ----------
    models : ModelCache
        Of this process.
    board : RouteBoard
        Read five times a second.
    aside : callable
        Where versions are loaded; a gevent worker does so in a native thread, so that the hub stays free.
    apart : callable
        Where versions are fetched: not where they are loaded, as a storage may take minutes.
    """

    def __init__(
        self, models: ModelCache, board: RouteBoard, *, aside: Aside = at_once, apart: Aside = at_once
    ) -> None:
        self._models = models
        self._board = board
        self._aside = aside
        self._apart = apart
        self._failures: dict[Key, FailedLoad] = {}
        self._fetching: set[Key] = set()
        self._fetched: deque[tuple[Key, str | None]] = deque()
        """What came to an end, and why it failed."""
        self._loading = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow_until_stopped, name="version-keeper", daemon=True)

    def start(self) -> None:
        """Follow the board from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; a load that has begun may still end. One that never followed, as its broker was away, only lets go."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1)
        self._board.close()

    def failed(self) -> dict[str, list[FailedLoad]]:
        """Return what is wanted and could not be loaded, by model."""
        failed: dict[str, list[FailedLoad]] = {}
        for (model, _), failure in list(self._failures.items()):
            failed.setdefault(model, []).append(failure)
        return failed

    def load(self, model: str, version: str) -> LoadedModel:
        """Load a version that a request asks for, from this machine's folder; who asks waits.

        Raises
        ------
        UnknownVersionError
            If it is not here, or cannot be loaded.
        """
        if not self._models.is_here(model, version):
            raise UnknownVersionError(f"{model} has no version {version} here")
        try:
            return self._load(model, version, named=False)
        except ArtifactError as error:
            logger.warning("a version that was asked for cannot be loaded: {}", error)
            raise UnknownVersionError(f"{model} {version} cannot be loaded") from error

    def look(self) -> None:
        """Read the board once and do what it says.

        Raises
        ------
        One of ``redis_errors()``
            If it cannot be read.
        """
        # In this order: what a change has prepared and no longer asks for, its route names by then.
        preparations = self._board.preparations(self._models.models)
        routes = self._board.read()
        nonces = {
            (model, version): asked.nonce
            for model, many in preparations.items()
            for asked in many
            for version in asked.versions
        }
        soon = list(nonces)
        self._models.follow(routes, soon=soon)
        self._put_back(routes)
        self._settle(nonces)
        wanted = self._models.wanted()
        self._failures = {key: failure for key, failure in self._failures.items() if key in wanted}
        for model, version in wanted:
            nonce = nonces.get((model, version), "")
            known = self._failures.get((model, version))
            if (model, version) in self._fetching or (known and (not nonce or known.nonce == nonce)):
                continue
            if self._models.is_away(model, version):
                self._begin_to_fetch((model, version))
            else:
                self._try(model, version, nonce=nonce)
        self._models.follow(routes, soon=soon)

    def _put_back(self, routes: Mapping[str, Route]) -> None:
        """Tell the board what it has lost, or was never told: this worker may be the only one who knows."""
        for model, known in self._models.newer_than(routes).items():
            if self._board.publish(model, known):
                logger.warning("the route board lacked revision {} of {}; it is put there", known.revision, model)

    def _begin_to_fetch(self, key: Key) -> None:
        """Fetch beside the following: routes change meanwhile, and others are loaded."""
        self._fetching.add(key)
        threading.Thread(target=self._fetch, args=(key,), name="version-fetch", daemon=True).start()

    def _fetch(self, key: Key) -> None:
        reason: str | None = f"{key[0]}/{key[1]} cannot be fetched"
        try:
            self._apart(lambda: self._models.fetch(*key))
            reason = None
        except ArtifactError as error:
            reason = str(error)
        except Exception:  # noqa: BLE001 (what it is stands in the log; who waits for it is told)
            logger.exception("version {} of {} cannot be fetched", key[1], key[0])
        finally:
            self._fetched.append((key, reason))

    def _settle(self, nonces: Mapping[Key, str]) -> None:
        """See what became of the versions that were fetched; a failure is told to whoever asks for it now."""
        while self._fetched:
            (model, version), reason = self._fetched.popleft()
            self._fetching.discard((model, version))
            if reason is not None:
                self._fail(model, version, reason, nonce=nonces.get((model, version), ""))

    def _fail(self, model: str, version: str, reason: str, *, nonce: str) -> None:
        logger.warning("version {} of {} cannot be loaded: {}", version, model, reason)
        self._failures[model, version] = FailedLoad(version=version, reason=reason, nonce=nonce)

    def _try(self, model: str, version: str, *, nonce: str) -> None:
        try:
            self._load(model, version, named=True)
            self._failures.pop((model, version), None)
        except ArtifactError as error:
            self._fail(model, version, str(error), nonce=nonce)

    def _load(self, model: str, version: str, *, named: bool) -> LoadedModel:
        with self._loading:  # one at a time; who waited may find it loaded
            if not self._models.holds(model, version):
                loaded = self._aside(lambda: self._models.read(model, version))
                self._models.keep(loaded, named=named)
                logger.info("version {} of {} loaded", version, model)
        return self._models.get(model, version)

    def _follow_until_stopped(self) -> None:
        reachable = True
        while not self._stopped.wait(INTERVAL_S):
            try:
                self.look()
                reachable = True
            except redis_errors() as error:
                if reachable:
                    logger.warning("the route board cannot be read: {}", type(error).__name__)
                reachable = False
            except Exception:  # noqa: BLE001 (a worker that no longer follows its routes would answer with old versions)
                logger.exception("following the routes failed, and is tried again")
