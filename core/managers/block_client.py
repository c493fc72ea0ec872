"""Predicting blocks: admission, one version for all rows, one deadline."""

import asyncio
import time
from collections.abc import Callable

from core.managers.block import Block, Chunk
from core.managers.chunk_lane import ChunkLane
from core.schemas.outcome import RowErrorCode
from core.schemas.wire import Columns
from core.utilities.errors import LineFullError

SETTLE_S = 0.25
"""When workers are replaced, their heartbeats tell the new version this much later."""


class BlockClient:
    """Predicts blocks of one model; used on the event loop only.

    Parameters
    ----------
    model : str
        Who shall answer.
    send : callable
        Takes a chunk away; must not block.
    require_way : callable
        Raises if nothing can be sent, or nobody would take it.
    choose : callable
        Takes the version asked for, if one was, and the request id; returns the version to send to, empty if none is
        known.
    is_outdated : callable
        Tells of a version whether it left the route so long ago that it may answer no more.
    max_chunk_rows : int
        Rows in one chunk at most.
    max_waiting_rows : int
        Rows that may wait; a block that finds none waiting is always taken.
    max_inflight : callable
        Returns how many chunks may be under way now.
    """

    def __init__(
        self,
        model: str,
        *,
        send: Callable[[Chunk], None],
        require_way: Callable[[], None],
        choose: Callable[[str | None, str], str],
        is_outdated: Callable[[str], bool],
        max_chunk_rows: int,
        max_waiting_rows: int,
        max_inflight: Callable[[], int],
    ) -> None:
        self.lane = ChunkLane(send=send, max_rows=max_chunk_rows, max_inflight=max_inflight)
        self._model = model
        self._require_way = require_way
        self._choose = choose
        self._is_outdated = is_outdated
        self._max_waiting_rows = max_waiting_rows

    async def predict(self, version: str | None, features: Columns, *, request_id: str, timeout_s: float) -> Block:
        """Predict a block; see :meth:`core.managers.queue_client.QueueClient.predict_block`."""
        expires_at = time.time() + timeout_s
        while True:
            pinned = self._choose(version, request_id) or None
            block = await self._predict_pinned(pinned, features, request_id=request_id, expires_at=expires_at)
            if version is not None:
                return block
            if not is_of_unknown_version(block):
                if pinned is None or not self._is_outdated(pinned):
                    return block
                # Nobody is given answers of a version that left the route in mid-flight, as with single rows.
                if time.time() >= expires_at:
                    block.forget()
                    return block
                continue
            if time.time() + SETTLE_S > expires_at:
                return block
            await asyncio.sleep(SETTLE_S)

    async def _predict_pinned(
        self, version: str | None, features: Columns, *, request_id: str, expires_at: float
    ) -> Block:
        loop = asyncio.get_running_loop()
        block = Block(self._model, version, features, request_id, expires_at, loop.create_future())
        self._admit(block)
        alarm = loop.call_later(expires_at - time.time(), block.expire)
        try:
            self.lane.join(block)
            await block.done
        finally:
            alarm.cancel()
            self.lane.leave(block)
        return block

    def _admit(self, block: Block) -> None:
        self._require_way()
        waiting = len(self.lane)
        if waiting and waiting + block.rows > self._max_waiting_rows:
            raise LineFullError("too many rows of batches wait")


def is_of_unknown_version(block: Block) -> bool:
    """Tell whether a worker did not have the block's version."""
    return any(error.code is RowErrorCode.UNKNOWN_VERSION for error in block.errors.values())
