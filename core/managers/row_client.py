"""Predicting single rows: admission, a place in the line of a version, and asking anew when that left the route."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.managers.admission import Admission
from core.managers.block_client import SETTLE_S
from core.managers.line import Row, RowAnswer
from core.managers.lines import Lines
from core.managers.version_choice import VersionChoice
from core.schemas.catalog import CatalogEntry
from core.schemas.outcome import RowErrorCode
from core.utilities.errors import DeadlinePassedError, LineFullError, PredictionError

MAX_REFUSALS = 4
"""Of a version that a route names, by workers that do not know it: about a second, then the caller is told."""


class RowClient:
    """Predicts rows of any model of the catalog; used on the event loop only.

    Parameters
    ----------
    entries : sequence of CatalogEntry
        The models that can be asked for.
    lines : Lines
        Where rows wait.
    versions : VersionChoice
        Chooses who answers.
    admissions : mapping of str to Admission
        By model.
    require_way : callable
        Raises if nothing can be sent for a model, or nobody would take it.
    max_waiting_rows : int
        Rows that may wait, of all models together.
    """

    def __init__(
        self,
        entries: Sequence[CatalogEntry],
        *,
        lines: Lines,
        versions: VersionChoice,
        admissions: Mapping[str, Admission],
        require_way: Callable[[CatalogEntry], None],
        max_waiting_rows: int,
    ) -> None:
        self._entries = {entry.model: entry for entry in entries}
        self._lines = lines
        self._versions = versions
        self._admissions = admissions
        self._require_way = require_way
        self._max_waiting_rows = max_waiting_rows
        self._loop = asyncio.get_running_loop()

    def join(
        self, model: str, version: str | None, values: tuple[Any, ...], *, request_id: str, timeout_s: float
    ) -> Row:
        """Let one row wait in line; whoever calls this must call ``leave`` in the end.

        Parameters
        ----------
        model, version : str, str or None
            Who shall answer; ``None`` leaves the version to settings and route.
        values : tuple
            The features, in the order of the catalog entry.
        request_id : str
            The caller's id.
        timeout_s : float
            Seconds until the deadline.

        Raises
        ------
        BrokerUnavailableError, NoWorkerError, NoVersionError, LineFullError, OverloadError, UnknownVersionError
            If the row is not taken.
        """
        entry = self._entries[model]
        chosen = self._versions.choose(entry, request_id, asked=version)
        admission = self._admissions[model]
        self._require_way(entry)
        if self._lines.waiting_rows >= self._max_waiting_rows:
            raise LineFullError("too many requests wait")
        admission.admit(request_id, timeout_s)
        line = self._lines.get(model, chosen)
        row = Row(values, request_id, time.time() + timeout_s, self._loop.create_future(), routed=version is None)
        row.alarm = self._loop.call_later(timeout_s, row.fail, DeadlinePassedError("no answer before the deadline"))
        admission.enter()
        line.join(row)
        return row

    async def answer(self, row: Row) -> RowAnswer:
        """Wait for the prediction of a row.

        Raises
        ------
        DeadlinePassedError
            If no answer came in time.
        BrokerUnavailableError
            If the row could not be sent.
        PredictionError
            If the model failed on this row.
        UnknownVersionError, NoVersionError
            If no worker has the version that the request asked for, or that its route names.
        """
        answer = await row.answer
        while row.routed and self._is_to_be_asked_again(row, answer):
            await self._ask_again(row, answer)
            answer = await row.answer
        if _is_of_unknown_version(answer):
            raise self._versions.unknown(answer.model, answer.version, routed=row.routed)
        return _raise_for_error(answer)

    def leave(self, row: Row) -> None:
        """Forget a row, whatever became of it."""
        if row.alarm is not None:
            row.alarm.cancel()
        if row.line is not None:
            row.line.leave(row)
            self._admissions[row.line.model].leave()

    def follow_route(self, model: str) -> None:
        """Send rows that wait for a version which no longer answers to one that does."""
        for line in self._lines.of(model):
            for row in line.take_routed():
                self._join_routed(model, row)

    def _is_to_be_asked_again(self, row: Row, answer: RowAnswer) -> bool:
        """Tell whether somebody else should answer a row, for which nobody named a version."""
        if _is_of_unknown_version(answer):
            row.refusals += 1
            return row.refusals <= MAX_REFUSALS
        return self._versions.is_outdated(self._entries[answer.model], answer.version)

    async def _ask_again(self, row: Row, answer: RowAnswer) -> None:
        row.answer = self._loop.create_future()
        if _is_of_unknown_version(answer):
            # Whoever does not have it loads it, or a route comes that names another.
            await asyncio.wait([row.answer], timeout=SETTLE_S)
        if time.time() >= row.expires_at:
            row.fail(DeadlinePassedError("no answer before the deadline"))
        if not row.answer.done():
            self._join_routed(answer.model, row)

    def _join_routed(self, model: str, row: Row) -> None:
        """Let a row wait for the version that its route names now."""
        version = self._versions.choose(self._entries[model], row.request_id, asked=None)
        self._lines.get(model, version).join(row)


def _is_of_unknown_version(answer: RowAnswer) -> bool:
    return answer.error is not None and answer.error.code is RowErrorCode.UNKNOWN_VERSION


def _raise_for_error(answer: RowAnswer) -> RowAnswer:
    if answer.error is None:
        return answer
    if answer.error.code is RowErrorCode.DEADLINE_PASSED:
        raise DeadlinePassedError(answer.error.detail)
    raise PredictionError(answer.error.code.value)
