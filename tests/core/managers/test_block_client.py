import asyncio
from collections.abc import Callable

import pytest

from core.managers import block_client
from core.managers.block import Chunk
from core.managers.block_client import BlockClient
from core.schemas.outcome import RowError, RowErrorCode
from core.utilities.errors import LineFullError, NoWorkerError
from tests.core.managers.blocks import miles_of, new_block, reply_to

FEATURES = {"PULocationID": [130] * 3, "DOLocationID": [205] * 3, "trip_distance": [0.0, 1.0, 2.0]}


class Workers:
    """Workers that hold one version and answer each chunk, later or never."""

    def __init__(self, version: str = "v1", *, answers: bool = True) -> None:
        self.held = version
        self.route = version
        self.answers = answers
        self.asked: list[str | None] = []
        self.missing = False
        self.outdated: set[str] = set()
        self.more: set[str] = set()

    def client(self, *, max_waiting_rows: int = 100) -> BlockClient:
        return BlockClient(
            "trip_duration",
            send=self.send,
            require_way=self.require,
            choose=lambda version, _: version or self.route,
            is_outdated=lambda version: version in self.outdated,
            max_chunk_rows=2,
            max_waiting_rows=max_waiting_rows,
            max_inflight=lambda: 1,
        )

    def require(self) -> None:
        if self.missing:
            raise NoWorkerError("no worker takes tasks")

    def send(self, chunk: Chunk) -> None:
        self.asked.append(chunk.block.version)
        if self.answers:
            asyncio.get_running_loop().call_soon(self._answer, chunk)

    def change_route(self, version: str) -> None:
        """Hold another version beside the one that the route names no longer."""
        self.outdated.add(self.route)
        self.route = version
        self.more.add(version)

    def _answer(self, chunk: Chunk) -> None:
        if chunk.block.version in {self.held, *self.more}:
            chunk.deliver([reply_to(*miles_of(chunk))], "t")
        else:
            unknown = RowError(RowErrorCode.UNKNOWN_VERSION, "not held")
            chunk.deliver([reply_to(*[None] * len(chunk), errors=dict.fromkeys(range(len(chunk)), unknown))], "t")
        chunk.release()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_client, "SETTLE_S", 0.01)


async def test_all_chunks_of_a_block_ask_for_the_champion_of_its_start() -> None:
    workers = Workers()
    block = await workers.client().predict(None, FEATURES, request_id="r", timeout_s=60)
    assert (block.predictions, block.version, workers.asked) == ([0.0, 1.0, 2.0], "v1", ["v1", "v1"])


async def test_a_route_that_changes_in_mid_block_starts_it_anew_with_one_version(soon: None) -> None:
    workers = Workers()

    def change(chunk: Chunk, then: Callable[[Chunk], None] = workers.send) -> None:
        if len(workers.asked) == 1:
            workers.held = "v2"
            asyncio.get_running_loop().call_later(0.05, setattr, workers, "route", "v2")
        then(chunk)

    workers.send = change  # type: ignore[method-assign]
    block = await workers.client().predict(None, FEATURES, request_id="r", timeout_s=60)
    assert (block.predictions, block.errors, block.version) == ([0.0, 1.0, 2.0], {}, "v2")


@pytest.mark.parametrize("after", [1, 2], ids=["in between", "at the end"])
async def test_a_block_whose_version_leaves_the_route_in_mid_flight_is_asked_for_anew(after: int) -> None:
    workers = Workers()

    def change(chunk: Chunk, then: Callable[[Chunk], None] = workers.send) -> None:
        then(chunk)
        if len(workers.asked) == after:
            workers.change_route("v2")

    workers.send = change  # type: ignore[method-assign]
    block = await workers.client().predict(None, FEATURES, request_id="r", timeout_s=60)
    assert (block.predictions, block.errors, block.version) == ([0.0, 1.0, 2.0], {}, "v2")
    assert workers.asked == ["v1", "v1", "v2", "v2"]


async def test_of_a_version_that_left_the_route_nothing_is_given_when_the_deadline_has_passed() -> None:
    workers = Workers(answers=False)

    def answer_once(chunk: Chunk, then: Callable[[Chunk], None] = workers.send) -> None:
        workers.answers = not workers.asked
        then(chunk)
        if workers.route == "v1":
            workers.change_route("v2")

    workers.send = answer_once  # type: ignore[method-assign]
    block = await workers.client().predict(None, FEATURES, request_id="r", timeout_s=0.1)
    assert {error.code for error in block.errors.values()} == {RowErrorCode.DEADLINE_PASSED}
    assert block.predictions == [None, None, None]


async def test_a_version_that_was_asked_for_by_name_stays_though_it_is_on_no_route() -> None:
    workers = Workers()
    workers.change_route("v2")
    block = await workers.client().predict("v1", FEATURES, request_id="r", timeout_s=60)
    assert (block.errors, block.version) == ({}, "v1")


async def test_a_version_that_was_asked_for_by_name_is_never_replaced() -> None:
    block = await Workers("v2").client().predict("v1", FEATURES, request_id="r", timeout_s=60)
    assert {error.code for error in block.errors.values()} == {RowErrorCode.UNKNOWN_VERSION}
    assert (len(block.errors), block.version) == (3, "v1")


async def test_the_deadline_ends_the_wait_for_workers_that_hold_the_version(soon: None) -> None:
    workers = Workers("v1")
    workers.held = "v2"
    block = await workers.client().predict(None, FEATURES, request_id="r", timeout_s=0.2)
    assert len(block.errors) == 3


async def test_at_the_deadline_the_block_comes_as_it_is_and_is_out_of_the_lane() -> None:
    client = Workers(answers=False).client()
    block = await client.predict(None, FEATURES, request_id="r", timeout_s=0.05)
    assert {error.code for error in block.errors.values()} == {RowErrorCode.DEADLINE_PASSED}
    assert len(client.lane) == 0


async def test_a_caller_who_is_gone_takes_his_block_out_of_the_lane() -> None:
    client = Workers(answers=False).client()
    waiting = asyncio.create_task(client.predict(None, FEATURES, request_id="r", timeout_s=60))
    await asyncio.sleep(0.01)
    assert len(client.lane) == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(client.lane) == 0


async def test_a_block_is_refused_where_nobody_would_take_it() -> None:
    workers = Workers()
    workers.missing = True
    with pytest.raises(NoWorkerError):
        await workers.client().predict(None, FEATURES, request_id="r", timeout_s=60)
    assert workers.asked == []


async def test_a_block_that_finds_too_many_rows_waiting_is_refused_but_never_one_that_finds_none() -> None:
    client = Workers(answers=False).client(max_waiting_rows=2)
    first = asyncio.create_task(client.predict(None, FEATURES, request_id="r", timeout_s=60))
    await asyncio.sleep(0.01)
    with pytest.raises(LineFullError):
        await client.predict(None, FEATURES, request_id="r", timeout_s=60)
    first.cancel()


async def test_what_has_left_does_not_count_as_waiting() -> None:
    block = new_block(10)
    block.departed = 4
    assert block.waiting == 6
