"""The first phase of a change of route: every worker loads and proves what the route is about to name."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from core.managers.plain_redis import redis_errors
from core.managers.route_board import RouteBoard
from core.schemas.catalog import CatalogEntry
from core.schemas.heartbeat import Heartbeat
from core.schemas.preparation import Preparation
from core.utilities.errors import RouteRefusedError

Prove = Callable[[CatalogEntry, str], object]
Fit = Callable[[CatalogEntry, Sequence[str]], None]
POLL_S = 0.03
PREPARE_TIMEOUT_S = 20.0
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
    timeout_s: float = PREPARE_TIMEOUT_S
    fit: Fit | None = None

    @contextmanager
    def prepared(self, entry: CatalogEntry, versions: Sequence[str], *, beside: Sequence[str] = ()) -> Iterator[None]:
        """Wait until all living workers hold ``versions``; while this is open they keep them.

        ``beside`` are further versions that the route names, and for which nobody waits.

        Raises
        ------
        RouteRefusedError
            If one cannot load one of them or does not in time, or if a process would not follow the route.
        ArtifactError
            If no worker runs, and a version is not good.
        One of ``redis_errors()``
            If the board cannot be reached.
        """
        if pinned := self.board.pinned(entry.model):
            raise RouteRefusedError(
                f"MODEL_VERSION of the web processes pins {entry.model} {pinned}, whatever the route; start them without"
            )
        asked = Preparation(nonce=uuid.uuid4().hex, versions=tuple(versions))
        self.board.prepare(entry.model, asked, lifetime_s=self.timeout_s + GRACE_S)
        try:
            self._wait(entry, asked, beside)
            yield
        finally:
            with suppress(*redis_errors()):  # it expires
                self.board.withdraw(entry.model, asked)

    def _wait(self, entry: CatalogEntry, asked: Preparation, beside: Sequence[str]) -> None:
        give_up = time.monotonic() + self.timeout_s
        while slow := self._slow(entry, asked, beside):
            if time.monotonic() > give_up:
                raise RouteRefusedError(f"within {self.timeout_s:g} s not loaded by: {', '.join(sorted(slow))}")
            time.sleep(POLL_S)

    def _slow(self, entry: CatalogEntry, asked: Preparation, beside: Sequence[str]) -> list[str]:
        """Return the workers that do not hold everything yet."""
        workers = [beat for beat in self.board.workers() if entry.queue in beat.queues and not beat.draining]
        if not workers and asked.versions:
            self._prove(entry, asked.versions, beside)
        for worker in workers:
            _raise_if_hopeless(worker, entry.model, asked)
        return [worker.id for worker in workers if not set(asked.versions) <= set(worker.models.get(entry.model, ()))]

    def _prove(self, entry: CatalogEntry, versions: Sequence[str], beside: Sequence[str]) -> None:
        for version in versions:
            self.prove(entry, version)
        if self.fit is not None:
            self.fit(entry, (*versions, *beside))


def _raise_if_hopeless(worker: Heartbeat, model: str, asked: Preparation) -> None:
    if model in worker.fixed:
        raise RouteRefusedError(
            f"MODEL_VERSION or TRIP_DURATION_MODEL of worker {worker.id} decides its version of {model}, whatever the"
            " route; start it without"
        )
    for failure in worker.failed.get(model, ()):
        if failure.nonce == asked.nonce:
            raise RouteRefusedError(f"worker {worker.id}: {failure.reason}")
