"""From a decoded batch to its reply: which version, which rows still matter, in which thread."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from core.managers.artifacts import LoadedModel
from core.managers.model_cache import ModelCache
from core.schemas.outcome import BatchOutcome, RowError, RowErrorCode
from core.schemas.wire import Columns, PredictRowsReply, PredictRowsRequest
from core.utilities.errors import UnknownVersionError


class Run(Protocol):
    """Calls a function with the columns of a batch, somewhere else perhaps, and returns its result."""

    def __call__(
        self, function: Callable[[Columns], BatchOutcome], columns: Columns, /, *, first: bool
    ) -> BatchOutcome:
        """Call ``function``; of those that wait, ``first`` ones come before others."""
        ...


def run_here(function: Callable[[Columns], BatchOutcome], columns: Columns, *, first: bool) -> BatchOutcome:
    """Call ``function`` at once: where nothing waits there is no order."""
    return function(columns)


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
        """Predict a batch. A row that fails, fails alone; one past its deadline is not computed.

        Batches of single rows come ``first``; chunks wait for those that are there when their turn comes.
        """
        try:
            model = self.version(request.model, request.version)
        except UnknownVersionError as error:
            outcome = _all_failed(len(request.ids), RowErrorCode.UNKNOWN_VERSION, str(error))
            return self._reply(request.model, request.version or "", outcome, queue_ms)
        self.rows_in_hand += len(request.ids)
        try:
            outcome = self._compute_live_rows(model, request, first=first)
        finally:
            self.rows_in_hand -= len(request.ids)
        self.rows_done += len(request.ids)
        if len(outcome.predictions) != len(request.ids):
            outcome = _all_failed(len(request.ids), RowErrorCode.INVALID_ROW, "the batch has no columns")
        return self._reply(model.name, model.version, outcome, queue_ms)

    def _compute_live_rows(self, model: LoadedModel, request: PredictRowsRequest, *, first: bool) -> BatchOutcome:
        now = time.time()
        if min(request.deadlines, default=now) > now:
            return self._run(self._timed(model), request.columns, first=first)
        live = [index for index, deadline in enumerate(request.deadlines) if deadline > now]
        columns = {name: [values[index] for index in live] for name, values in request.columns.items()}
        computed = self._run(self._timed(model), columns, first=first) if live else BatchOutcome(predictions=[])
        return _spread(computed, live, rows=len(request.ids))

    def _timed(self, model: LoadedModel) -> Callable[[Columns], BatchOutcome]:
        """Return the model's ``predict`` that notes when it began: in its own thread, not in the queue for it."""

        def predict(columns: Columns) -> BatchOutcome:
            self.busy_since = time.monotonic()
            try:
                return model.predict(columns)
            finally:
                self.busy_since = None

        return predict

    def _reply(self, model: str, version: str, outcome: BatchOutcome, queue_ms: float) -> PredictRowsReply:
        return PredictRowsReply(model=model, version=version, worker=self.worker, outcome=outcome, queue_ms=queue_ms)


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
