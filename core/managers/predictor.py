"""From a decoded batch to its reply: which version, which rows still matter, in which thread."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from core.managers.artifacts import LoadedModel
from core.managers.model_cache import ModelCache
from core.schemas.outcome import BatchOutcome, RowError, RowErrorCode
from core.schemas.wire import Columns, PredictRowsReply, PredictRowsRequest
from core.utilities.errors import UnknownVersionError


class Job(NamedTuple):
    """Rows that a version shall predict."""

    model: LoadedModel
    columns: Columns


Compute = Callable[[Sequence[Job]], list[BatchOutcome]]


class Run(Protocol):
    """Calls a function with what is to be computed, somewhere else perhaps, and returns its result."""

    def __call__(self, function: Compute, jobs: Sequence[Job], /, *, first: bool) -> list[BatchOutcome]:
        """Call ``function``; of those that wait, ``first`` ones come before others."""
        ...


def run_here(function: Compute, jobs: Sequence[Job], *, first: bool) -> list[BatchOutcome]:
    """Call ``function`` at once: where nothing waits there is no order."""
    return function(jobs)


class BatchPredictor:
    """Predicts batches with the versions of a ``ModelCache``.

    Parameters
    ----------
    models : ModelCache
        The loaded versions.
    worker : str
        Name of this process, written into each reply.
    run : callable
        Runs the computation; a gevent worker does so in a native thread, so that the hub stays free.
    load : callable, optional
        Loads a version (model, version) that is asked for and not held; raises UnknownVersionError.
    """

    def __init__(
        self, models: ModelCache, *, worker: str, run: Run, load: Callable[[str, str], LoadedModel] | None = None
    ) -> None:
        self.models = models
        self.worker = worker
        self.rows_done = 0
        self.rows_in_hand = 0
        self.busy_since: float | None = None
        """When the running computation began (``time.monotonic()``); ``None`` while none runs."""
        self._run = run
        self._load = load

    def version(self, model: str, version: str | None) -> LoadedModel:
        """Return a version, loaded for this if it must be; ``None``: the one that answers by default.

        Raises
        ------
        UnknownVersionError
            If this worker has none of that id.
        """
        try:
            return self.models.get(model, version)
        except UnknownVersionError:
            if self._load is None or version is None:
                raise
            return self._load(model, version)

    def compute(self, request: PredictRowsRequest, *, queue_ms: float = 0.0, first: bool = True) -> PredictRowsReply:
        """Predict a batch; as :meth:`compute_together`."""
        [reply] = self.compute_together([request], queue_ms=queue_ms, first=first)
        return reply

    def compute_together(
        self, requests: Sequence[PredictRowsRequest], *, queue_ms: float = 0.0, first: bool = True
    ) -> list[PredictRowsReply]:
        """Predict batches that came in one message. A row that fails, fails alone; one past its deadline is not computed.

        Batches of single rows come ``first``; chunks wait for those that are there when their turn comes.
        """
        plans = [self._plan(request) for request in requests]
        jobs = [plan.job for plan in plans if plan.job is not None]
        rows = sum([len(plan.request.ids) for plan in plans if plan.model is not None])
        self.rows_in_hand += rows
        try:
            outcomes = iter(self._run(self._compute, jobs, first=first) if jobs else ())
        finally:
            self.rows_in_hand -= rows
            self.models.tell_failures()
        self.rows_done += rows
        return [self._reply(plan, next(outcomes) if plan.job is not None else None, queue_ms) for plan in plans]

    def _plan(self, request: PredictRowsRequest) -> "_Plan":
        try:
            model = self.version(request.model, request.version)
        except UnknownVersionError as error:
            return _Plan(request, refusal=str(error))
        now = time.time()
        if min(request.deadlines, default=now) > now:
            return _Plan(request, model=model, job=Job(model, request.columns))
        live = [index for index, deadline in enumerate(request.deadlines) if deadline > now]
        columns = {name: [values[index] for index in live] for name, values in request.columns.items()}
        return _Plan(request, model=model, job=Job(model, columns) if live else None, live=live)

    def _compute(self, jobs: Sequence[Job]) -> list[BatchOutcome]:
        """Compute, and note when that began: in its own thread, not in the queue for it."""
        self.busy_since = time.monotonic()
        try:
            return [job.model.predict(job.columns) for job in jobs]
        finally:
            self.busy_since = None

    def _reply(self, plan: "_Plan", outcome: BatchOutcome | None, queue_ms: float) -> PredictRowsReply:
        request, model, rows = plan.request, plan.model, len(plan.request.ids)
        if model is None:
            outcome = _all_failed(rows, RowErrorCode.UNKNOWN_VERSION, plan.refusal)
        elif plan.live is not None:
            outcome = _spread(outcome or BatchOutcome(predictions=[]), plan.live, rows=rows)
        elif outcome is None or len(outcome.predictions) != rows:
            outcome = _all_failed(rows, RowErrorCode.INVALID_ROW, "the batch has no columns")
        return PredictRowsReply(
            model=model.name if model is not None else request.model,
            version=model.version if model is not None else request.version or "",
            worker=self.worker,
            outcome=outcome,
            queue_ms=queue_ms,
        )


class _Plan(NamedTuple):
    """What becomes of a request: no ``model`` if its version is not held, no ``job`` if nobody waits for its rows.

    ``live`` are the rows that are computed, None for all.
    """

    request: PredictRowsRequest
    model: LoadedModel | None = None
    job: Job | None = None
    live: list[int] | None = None
    refusal: str = ""


def _all_failed(rows: int, code: RowErrorCode, detail: str) -> BatchOutcome:
    return BatchOutcome(predictions=[None] * rows, errors=dict.fromkeys(range(rows), RowError(code, detail)))


def _spread(computed: BatchOutcome, live: Sequence[int], *, rows: int) -> BatchOutcome:
    """Put the outcome of the ``live`` rows back to their places; the others passed their deadline."""
    whole = _all_failed(rows, RowErrorCode.DEADLINE_PASSED, "the deadline passed before the row was computed")
    predictions: list[Any] = whole.predictions
    errors = whole.errors
    for position, index in enumerate(live):
        del errors[index]
        predictions[index] = computed.predictions[position]
        if position in computed.errors:
            errors[index] = computed.errors[position]
    return BatchOutcome(
        predictions=predictions, errors=errors, features_ms=computed.features_ms, predict_ms=computed.predict_ms
    )
