"""The first phase of a change of route: every worker loads and proves what the route is about to name."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import redis

from core.managers.route_board import RouteBoard
from core.schemas.catalog import CatalogEntry
from core.schemas.heartbeat import Heartbeat
from core.schemas.preparation import Preparation
from core.utilities.errors import RouteRefusedError

Prove = Callable[[CatalogEntry, str], object]
Fit = Callable[[CatalogEntry, Sequence[str]], None]
POLL_S = 0.03
GRACE_S = 30.0
"""What a broken change left expires so much later than a change may take."""


@dataclass(frozen=True, kw_only=True)
class Preparer:
    """Prepares the workers of an installation.

    Parameters
    ----------
    board : RouteBoard
        Where workers are asked, and where they say what they hold.
    prove : callable
        Takes a catalog entry and a version; loads it here, where no worker runs, and raises if it cannot.
    timeout_s : float
        How long a worker may take.
    fit : callable, optional
        Takes a catalog entry and versions that are proven here; raises if a worker has no room for all of them.
    """

    board: RouteBoard
    prove: Prove
    timeout_s: float = 20.0
    fit: Fit | None = None

    @contextmanager
    def prepared(self, entry: CatalogEntry, versions: Sequence[str]) -> Iterator[None]:
        """Wait until all living workers hold ``versions``; while this is open they keep them.

        Raises
        ------
        RouteRefusedError
            If one cannot load one of them, does not in time, or would not follow the route.
        ArtifactError
            If no worker runs, and a version is not good.
        redis.RedisError
            If the board cannot be reached.
        """
        asked = Preparation(nonce=uuid.uuid4().hex, versions=tuple(versions))
        self.board.prepare(entry.model, asked, lifetime_s=self.timeout_s + GRACE_S)
        try:
            self._wait(entry, asked)
            yield
        finally:
            with suppress(redis.RedisError):  # it expires
                self.board.withdraw(entry.model, asked)

    def _wait(self, entry: CatalogEntry, asked: Preparation) -> None:
        give_up = time.monotonic() + self.timeout_s
        while slow := self._slow(entry, asked):
            if time.monotonic() > give_up:
                raise RouteRefusedError(f"within {self.timeout_s:g} s not loaded by: {', '.join(sorted(slow))}")
            time.sleep(POLL_S)

    def _slow(self, entry: CatalogEntry, asked: Preparation) -> list[str]:
        """Return the workers that do not hold everything yet."""
        workers = [beat for beat in self.board.workers() if entry.queue in beat.queues and not beat.draining]
        if not workers:
            self._prove(entry, asked.versions)
        for worker in workers:
            _raise_if_hopeless(worker, entry.model, asked)
        return [worker.id for worker in workers if not set(asked.versions) <= set(worker.models.get(entry.model, ()))]

    def _prove(self, entry: CatalogEntry, versions: Sequence[str]) -> None:
        for version in versions:
            self.prove(entry, version)
        if self.fit is not None:
            self.fit(entry, versions)


def _raise_if_hopeless(worker: Heartbeat, model: str, asked: Preparation) -> None:
    if model in worker.fixed:
        raise RouteRefusedError(f"the settings of worker {worker.id} decide its version of {model}, whatever the route")
    for failure in worker.failed.get(model, ()):
        if failure.nonce == asked.nonce:
            raise RouteRefusedError(f"worker {worker.id}: {failure.reason}")
