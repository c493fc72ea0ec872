"""The second lane of the line: blocks of rows leave in chunks, a few at a time, so that single rows never wait long.

At most ``max_inflight`` chunks are under way, so the queue never holds more of them than the workers are about to
compute. Each caller's block sends one chunk in turn, so that a small block does not wait for a large one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from core.managers.block import Block, Chunk
from core.services.chunk_size import ChunkPace, next_pace


class ChunkLane:
    """The blocks of one model; complete when built, used on the event loop only.

    Parameters
    ----------
    send : callable
        Takes a chunk away; must not block.
    max_rows : int
        Rows in one chunk at most.
    max_inflight : callable
        Returns how many chunks may be under way now.
    """

    def __init__(self, *, send: Callable[[Chunk], None], max_rows: int, max_inflight: Callable[[], int]) -> None:
        self.inflight = 0
        self._paces: dict[str | None, ChunkPace] = {}
        self._send = send
        self._max_rows = max_rows
        self._max_inflight = max_inflight
        self._blocks: deque[Block] = deque()
        self._departure: asyncio.Handle | None = None

    def __len__(self) -> int:
        """Return how many rows wait."""
        return sum(block.waiting for block in self._blocks)

    def join(self, block: Block) -> None:
        """Let a block wait; its chunks leave as others return."""
        self._blocks.append(block)
        self.depart()

    def leave(self, block: Block) -> None:
        """Take a block out: nobody waits for it any more."""
        if block in self._blocks:
            self._blocks.remove(block)

    def depart(self) -> None:
        """Send what may leave now."""
        self._departure = None
        while self._blocks and self.inflight < self._max_inflight():
            block = self._blocks.popleft()
            if not block.waiting:
                continue
            chunk = self._cut(block)
            if block.waiting:
                self._put_back(block)
            self.inflight += 1
            self._send(chunk)

    def _put_back(self, block: Block) -> None:
        """Let others have a turn first, but not another block of the same caller."""
        if self._blocks and self._blocks[0].request_id == block.request_id:
            self._blocks.appendleft(block)
        else:
            self._blocks.append(block)

    def _cut(self, block: Block) -> Chunk:
        """Take the next chunk off a block; what is left never is a small remainder."""
        start, left, size = block.departed, block.rows - block.departed, self._size(block)
        rows = left if left <= size else min(size, -(-left // 2))
        block.departed += rows
        return Chunk(
            block=block,
            start=start,
            stop=block.departed,
            on_return=self._returned,
            on_reply=partial(self._measure, block),
        )

    def _size(self, block: Block) -> int:
        """Return the rows of the next chunk; each version has a pace of its own, and starts carefully."""
        return min(self._pace(block).rows, self._max_rows)

    def _pace(self, block: Block) -> ChunkPace:
        return self._paces.get(block.version, ChunkPace())

    def _returned(self) -> None:
        self.inflight -= 1
        if self._departure is None and self._blocks:
            self._departure = asyncio.get_running_loop().call_soon(self.depart)

    def _measure(self, block: Block, rows: int, took_ms: float) -> None:
        pace = next_pace(self._pace(block), rows=rows, took_ms=took_ms, max_rows=self._max_rows)
        self._paces[block.version] = pace
