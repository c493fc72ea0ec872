"""The way to the workers and back: what must stand before anything is sent, and what is said where it does not."""

from core.managers.publisher import Publisher
from core.managers.replies import ReplyListener
from core.managers.worker_directory import WorkerDirectory
from core.schemas.catalog import CatalogEntry
from core.utilities.errors import BrokerUnavailableError, NoVersionError, NoWorkerError


class Way:
    """Looks at broker, result backend and workers; asks none of them, so that a request pays nothing for it.

    Parameters
    ----------
    publisher : Publisher
        Sends the messages.
    replies : ReplyListener
        Hears the results.
    workers : WorkerDirectory
        Knows who takes tasks.
    worker_grace_s : float
        Seconds without a worker after which requests are refused.
    wait_for_workers : bool
        Whether they are taken all the same, since somebody starts a worker for rows that wait.
    """

    def __init__(
        self,
        *,
        publisher: Publisher,
        replies: ReplyListener,
        workers: WorkerDirectory,
        worker_grace_s: float,
        wait_for_workers: bool,
    ) -> None:
        self._publisher = publisher
        self._replies = replies
        self._workers = workers
        self._worker_grace_s = worker_grace_s
        self._wait_for_workers = wait_for_workers

    def require(self, entry: CatalogEntry) -> None:
        """Refuse what could not even be sent, or that nobody would take.

        Raises
        ------
        BrokerUnavailableError, NoWorkerError, NoVersionError
            For what is missing.
        """
        if not self._publisher.reachable:
            raise BrokerUnavailableError("the broker cannot be reached")
        if not self._replies.connected.is_set():
            raise BrokerUnavailableError("the result backend cannot be reached")
        if self._workers.seconds_without(entry.queue) > self._worker_grace_s and not self._wait_for_workers:
            raise NoWorkerError("no worker takes tasks")
        if self._workers.serving(entry.queue) and not self._workers.serve(entry.queue, entry.model):
            raise NoVersionError(f"no version of {entry.model} is served")

    def missing(self, entry: CatalogEntry) -> str | None:
        """Return what is missing before a model can be served from here, ``None`` if nothing is."""
        if not self._publisher.reachable:
            return "broker"
        if not self._replies.connected.is_set():
            return "result backend"
        if not self._workers.serving(entry.queue):
            return "worker"
        return None if self._workers.serve(entry.queue, entry.model) else "model"

    def is_awaited(self, entry: CatalogEntry) -> bool:
        """Tell whether there is no worker, and somebody will start one because rows wait."""
        return self._wait_for_workers and not self._workers.serving(entry.queue)
