"""The first phase of a change of route: every worker loads and proves what the route is about to name."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.managers.route_board import RouteBoard
from core.schemas.catalog import CatalogEntry
from core.schemas.heartbeat import Heartbeat
from core.schemas.preparation import Preparation
from core.utilities.errors import RouteRefusedError

POLL_S = 0.03
GRACE_S = 30.0
"""Workers keep what was prepared for so much longer than it took, so that the route finds it loaded."""


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
    """

    board: RouteBoard
    prove: Callable[[CatalogEntry, str], object]
    timeout_s: float = 20.0

    def prepare(self, entry: CatalogEntry, versions: Sequence[str]) -> None:
        """Return once all living workers hold ``versions``.

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
        give_up = time.monotonic() + self.timeout_s
        while slow := self._slow(entry, asked):
            if time.monotonic() > give_up:
                raise RouteRefusedError(f"within {self.timeout_s:g} s not loaded by: {', '.join(sorted(slow))}")
            time.sleep(POLL_S)

    def _slow(self, entry: CatalogEntry, asked: Preparation) -> list[str]:
        """Return the workers that do not hold everything yet."""
        workers = [beat for beat in self.board.workers() if entry.queue in beat.queues and not beat.draining]
        if not workers:
            for version in asked.versions:
                self.prove(entry, version)
        for worker in workers:
            _raise_if_hopeless(worker, entry.model, asked)
        return [worker.id for worker in workers if not set(asked.versions) <= set(worker.models.get(entry.model, ()))]


def _raise_if_hopeless(worker: Heartbeat, model: str, asked: Preparation) -> None:
    if model in worker.fixed:
        raise RouteRefusedError(f"the settings of worker {worker.id} decide its version of {model}, whatever the route")
    for failure in worker.failed.get(model, ()):
        if failure.nonce == asked.nonce:
            raise RouteRefusedError(f"worker {worker.id}: {failure.reason}")
