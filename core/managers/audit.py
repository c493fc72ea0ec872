"""What a web process notes of its answers: which are recorded, and which go to the shadow too."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import repeat
from typing import Any

from core.managers.block import Block
from core.managers.line import RowAnswer
from core.managers.records import ROUND_ROWS, RecordWriter
from core.managers.shadow import ShadowLane
from core.schemas.record import Record, RecordEntry, Role
from core.schemas.route import Route
from core.services.sampling import is_recorded


class Audit:
    """Called once an answer has left; used on the event loop only.

    A request is recorded if it belongs to the sample, or if the shadow predicts it too. While there is a canary,
    whatever it or the champion answered is sent to its guard, and not kept.

    Parameters
    ----------
    share : float
        Of the requests that are recorded, 0..1.
    writer : RecordWriter
        Takes records.
    shadow : ShadowLane
        Takes rows for the shadow.
    pinned : collection of str
        Models that answer with one version whatever their route says.
    route_of : callable
        Returns the route of a model, None if it has none.
    features : mapping of str to sequence of str
        The feature names of each model, in the order in which rows give them.
    """

    def __init__(
        self,
        *,
        share: float,
        writer: RecordWriter,
        shadow: ShadowLane,
        pinned: Collection[str],
        route_of: Callable[[str], Route | None],
        features: Mapping[str, Sequence[str]],
    ) -> None:
        self._share = share
        self._writer = writer
        self._shadow = shadow
        self._pinned = pinned
        self._route_of = route_of
        self._features = features

    def start(self) -> None:
        """Take answers from now on."""
        self._writer.start()
        self._shadow.start()

    async def stop(self) -> None:
        """Write what is there, and stop."""
        await self._shadow.stop()
        await self._writer.stop()

    def note_row(
        self,
        model: str,
        values: tuple[Any, ...],
        answer: RowAnswer,
        *,
        asked: bool,
        request_id: str,
        transaction_id: str,
        total_ms: float,
    ) -> None:
        """Note the answer to a single row.

        ``values`` are its features in the model's order; ``asked`` tells whether the caller named the version.
        """
        role, shadow, guarded = self._watch(model, answer.version, asked)
        kept = is_recorded(request_id, self._share)
        if shadow is not None:
            kept |= self._shadow.add(model, shadow, ((request_id, transaction_id, 0, values),))
        if kept or guarded:
            record = Record(
                request_id,
                transaction_id,
                0,
                time.time(),
                answer.version,
                role,
                answer.prediction,
                None,
                answer.queue_ms,
                answer.features_ms,
                answer.predict_ms,
                total_ms,
                kept,
            )
            self._writer.add_row(model, record, values)

    def note_failure(
        self,
        model: str,
        values: tuple[Any, ...],
        *,
        version: str,
        code: str,
        asked: bool,
        request_id: str,
        transaction_id: str,
        total_ms: float,
    ) -> None:
        """Note a row that was sent to a version and came back without a prediction, or not at all."""
        role, _, guarded = self._watch(model, version, asked)
        kept = is_recorded(request_id, self._share)
        if kept or guarded:
            record = Record(
                request_id, transaction_id, 0, time.time(), version, role, None, code, None, None, None, total_ms, kept
            )
            self._writer.add_row(model, record, values)

    def note_block(
        self,
        columns: Mapping[str, Sequence[Any]],
        places: Sequence[int],
        block: Block,
        *,
        asked: bool,
        request_id: str,
        transaction_id: str,
        total_ms: float,
        answered: bool = True,
    ) -> None:
        """Note the answers to the rows of a batch request.

        Parameters
        ----------
        columns : mapping
            The features, (n_rows,) each.
        places : sequence of int
            Where the rows stood in the request, (n_rows,).
        block : Block
            Predictions and errors, (n_rows,).
        asked, request_id, transaction_id, total_ms
            Of the request; whether it named the version.
        answered : bool
            False where the request failed as a whole: its rows are not the shadow's business.
        """
        version = block.version or ""
        role, shadow, guarded = self._watch(block.model, version, asked)
        kept = is_recorded(request_id, self._share)
        if shadow is not None and answered:
            values = zip(*(columns.get(name) or repeat(None) for name in self._features[block.model]), strict=False)
            rows = [(request_id, transaction_id, *row) for row in zip(places, values, strict=True)]
            kept |= self._shadow.add(block.model, shadow, rows)
        if kept or guarded:
            shared = {
                "request_id": request_id,
                "transaction_id": transaction_id,
                "time": time.time(),
                "version": version,
                "role": role,
                "queue_ms": block.queue_ms,
                "features_ms": block.features_ms,
                "predict_ms": block.predict_ms,
                "total_ms": total_ms,
                "kept": kept,
            }
            for start in range(0, block.rows, ROUND_ROWS):
                self._writer.add_entry(_slice(block, columns, places, slice(start, start + ROUND_ROWS), shared))

    def _watch(self, model: str, version: str, asked: bool) -> tuple[Role, str | None, bool]:
        """Return in which part a version answered, the shadow that shall see the row, and whether a guard watches."""
        if asked or model in self._pinned:
            return Role.EXPLICIT, None, False
        route = self._route_of(model)
        if route is None:
            return Role.CHAMPION, None, False
        return _role_of(version, route), route.shadow, route.canary is not None


def _role_of(version: str, route: Route) -> Role:
    if version == route.champion:
        return Role.CHAMPION
    return Role.CANARY if route.canary is not None and version == route.canary.version else Role.FORMER


def _slice(
    block: Block,
    columns: Mapping[str, Sequence[Any]],
    places: Sequence[int],
    part: slice,
    shared: Mapping[str, Any],
) -> RecordEntry:
    indices = range(*part.indices(block.rows))
    codes = block.errors
    errors = [codes[index].code.value if index in codes else None for index in indices] if codes else None
    own = {"row": list(places[part]), "prediction": block.predictions[part], "error": errors}
    return RecordEntry(
        model=block.model,
        rows=len(indices),
        columns={**shared, **own},
        features={name: values[part] for name, values in columns.items()},
    )
