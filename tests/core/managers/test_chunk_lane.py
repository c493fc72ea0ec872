import asyncio

from hypothesis import given
from hypothesis import strategies as st

from core.managers.block import Block, Chunk
from core.managers.chunk_lane import ChunkLane
from core.services.chunk_size import FIRST_ROWS
from core.utilities.errors import BrokerUnavailableError
from tests.core.managers.blocks import miles_of, new_block, reply_to
from tests.core.managers.rows import turn


class Lane:
    """A lane whose chunks wait in ``sent`` until they are answered."""

    def __init__(self, *, limit: int = 1, rows: int = 100) -> None:
        self.sent: list[Chunk] = []
        self.lane = ChunkLane(send=self.sent.append, max_rows=rows, max_inflight=lambda: limit)

    async def answer(self, *, took_ms: float = 5.0) -> Chunk:
        """Let the oldest chunk return."""
        chunk = self.sent.pop(0)
        reply = reply_to(*miles_of(chunk))
        chunk.on_reply(len(chunk), took_ms)
        chunk.block.deliver(chunk.start, reply)
        chunk.release()
        await turn()
        return chunk

    async def empty(self) -> list[Chunk]:
        """Let all return until nothing is left."""
        done = []
        while self.sent:
            done.append(await self.answer())
        return done


async def test_a_block_leaves_in_chunks_one_at_a_time() -> None:
    lane = Lane(rows=4)
    block = new_block(10)
    lane.lane.join(block)
    assert ([len(chunk) for chunk in lane.sent], len(lane.lane)) == ([4], 6)
    done = await lane.empty()
    assert [(chunk.start, chunk.stop) for chunk in done] == [(0, 4), (4, 7), (7, 10)]
    assert block.predictions == [float(row) for row in range(10)]
    assert (lane.lane.inflight, len(lane.lane)) == (0, 0)


async def test_no_more_chunks_are_under_way_than_allowed() -> None:
    lane = Lane(rows=2, limit=3)
    lane.lane.join(new_block(20))
    assert len(lane.sent) == lane.lane.inflight == 3
    await lane.answer()
    assert len(lane.sent) == 3


async def test_each_callers_block_sends_a_chunk_in_turn() -> None:
    lane = Lane(rows=2)
    large, small = new_block(20, request_id="large"), new_block(2, request_id="small")
    lane.lane.join(large)
    lane.lane.join(small)
    done = await lane.empty()
    assert [chunk.block for chunk in done][:3] == [large, large, small]


async def test_the_blocks_of_one_caller_are_done_one_after_the_other() -> None:
    lane = Lane(rows=2)
    blocks = [new_block(6) for _ in range(3)]
    for block in blocks:
        lane.lane.join(block)
    assert [chunk.block for chunk in await lane.empty()] == [block for block in blocks for _ in range(3)]


async def test_chunks_grow_while_the_model_is_fast_and_shrink_when_it_is_slow() -> None:
    lane = Lane(rows=10_000)
    lane.lane.join(new_block(30_000))
    sizes = [len(await lane.answer(took_ms=0.1)) for _ in range(3)]
    assert sizes == [FIRST_ROWS, FIRST_ROWS * 4, FIRST_ROWS * 16]
    await lane.answer(took_ms=len(lane.sent[0]) * 5.0)
    assert len(lane.sent[0]) == 5


async def test_a_version_of_its_own_starts_carefully_again() -> None:
    lane = Lane(rows=10_000)
    lane.lane.join(new_block(30_000, version="fast"))
    for _ in range(3):
        await lane.answer(took_ms=0.1)
    lane.lane.join(new_block(30_000, version="new"))
    while lane.sent[0].block.version == "fast":
        await lane.answer(took_ms=0.1)
    assert len(lane.sent[0]) == FIRST_ROWS


async def test_a_block_that_left_the_lane_sends_nothing_more() -> None:
    lane = Lane(rows=2)
    gone, other = new_block(10), new_block(2)
    lane.lane.join(gone)
    lane.lane.join(other)
    gone.done.cancel()
    lane.lane.leave(gone)
    done = await lane.empty()
    assert [chunk.block for chunk in done] == [gone, other]
    assert len(lane.lane) == 0


async def test_a_block_that_expired_is_passed_over_even_if_it_did_not_leave() -> None:
    lane = Lane(rows=2)
    lane.lane.join(new_block(4))
    expired = new_block(4)
    lane.lane.join(expired)
    expired.expire()
    assert all(chunk.block is not expired for chunk in await lane.empty())


async def test_a_thousand_blocks_that_cannot_be_sent_fail_one_by_one() -> None:
    def refuse(chunk: Chunk) -> None:
        chunk.fail(BrokerUnavailableError("away"))
        chunk.release()

    lane = ChunkLane(send=refuse, max_rows=10, max_inflight=lambda: 1)
    blocks = [new_block(100) for _ in range(1000)]
    for block in blocks:
        lane.join(block)
    await asyncio.wait([block.done for block in blocks], timeout=30)
    await turn()
    assert all(isinstance(block.done.exception(), BrokerUnavailableError) for block in blocks)
    assert (lane.inflight, len(lane)) == (0, 0)


@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5), limit=st.integers(1, 3), rows=st.integers(1, 64))
def test_every_row_travels_once_in_a_chunk_that_is_not_too_large(sizes: list[int], limit: int, rows: int) -> None:
    async def live() -> list[Block]:
        lane = Lane(limit=limit, rows=rows)
        blocks = [new_block(size) for size in sizes]
        for block in blocks:
            lane.lane.join(block)
            assert lane.lane.inflight <= limit
        done = await lane.empty()
        assert all(0 < len(chunk) <= rows for chunk in done)
        assert sum(len(chunk) for chunk in done) == sum(sizes)
        return blocks

    for block in asyncio.run(live()):
        assert block.predictions == [float(row) for row in range(block.rows)]
