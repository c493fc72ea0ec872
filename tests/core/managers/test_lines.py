"""Lines of one model beside each other: who may send how much, who shares a message, and which of them stay."""

import pytest

from core.managers.convoy import Convoy
from core.managers.line import LIGHT_MS, Batch
from core.managers.lines import MANY_LINES, Lines
from core.schemas.outcome import BatchOutcome
from core.schemas.wire import MAX_PARTS, PredictRowsReply
from tests.core.managers.rows import new_row, turn

MODEL = "trip_duration"
CHEAP_MS, DEAR_MS = LIGHT_MS / 2, 4 * LIGHT_MS


def reply_to(batch: Batch, *, cost_ms: float = CHEAP_MS) -> PredictRowsReply:
    outcome = BatchOutcome(predictions=[float(len(row.request_id)) for row in batch.rows], predict_ms=cost_ms)
    return PredictRowsReply(
        model=MODEL, version=str(batch.line.version), worker="w", outcome=outcome, queue_ms=1.0
    )  # fmt: skip


class Traffic:
    """Lines, and what left them."""

    def __init__(self, *, inflight: int = 2, rows: int = 100, mixing: bool = True, workers: int = 1) -> None:
        self.sent: list[Batch | Convoy] = []
        self.costs_s: list[float] = []
        self.mixing = mixing
        self.lines = Lines(
            send=self.sent.append,
            max_batch_rows=rows,
            max_inflight=lambda model: inflight,
            workers=lambda model: workers,
            may_mix=lambda model: self.mixing,
            on_reply=lambda batch, batch_s: self.costs_s.append(batch_s),
        )

    async def join(self, version: str, names: str, *, model: str = MODEL) -> None:
        """Let rows join one after the other."""
        for name in names:
            self.lines.get(model, version).join(new_row(name))
            await turn()

    async def come_back(self, message: Batch | Convoy, *, cost_ms: float = CHEAP_MS) -> None:
        """Let the reply to a message arrive."""
        message.deliver([reply_to(part, cost_ms=cost_ms) for part in message.parts], "t")
        message.release()
        await turn()

    async def prove(self, version: str, *, cost_ms: float = CHEAP_MS) -> None:
        """Let one row of a version go and come back, so that its cost is known; nothing else is under way."""
        await self.join(version, "p")
        await self.come_back(self.sent.pop(), cost_ms=cost_ms)

    async def join_together(self, version: str, rows: int) -> None:
        """Let rows join at once."""
        for number in range(rows):
            self.lines.get(MODEL, version).join(new_row(str(number)))
        await turn()

    def told(self) -> list[list[tuple[str | None, list[str]]]]:
        """Return what was sent: for each message its versions and their rows."""
        return [[(part.line.version, part.ids) for part in message.parts] for message in self.sent]


async def test_lines_of_a_model_leave_each_other_what_is_under_way() -> None:
    traffic = Traffic()
    await traffic.join("champion", "a")
    await traffic.join("canary", "b")
    await traffic.join("champion", "cd")
    assert traffic.told() == [[("champion", ["a"])], [("canary", ["b"])]]

    traffic.lines.get(MODEL, "champion").returned(1)
    await turn()
    assert traffic.told()[2:] == [[("champion", ["c", "d"])]]


async def test_what_another_line_has_no_more_under_way_is_free_at_once() -> None:
    traffic = Traffic()
    await traffic.join("canary", "a")
    await traffic.join("champion", "bc")
    assert traffic.told()[1:] == [[("champion", ["b"])]]
    traffic.lines.get(MODEL, "canary").returned(1)
    await turn()
    assert traffic.told()[2:] == [[("champion", ["c"])]]


async def test_a_line_never_waits_for_another_that_hangs() -> None:
    traffic = Traffic()
    await traffic.join("hangs", "ab")
    await traffic.join("champion", "c")
    assert traffic.told()[-1] == [("champion", ["c"])]


async def test_another_model_leaves_a_line_what_it_has() -> None:
    traffic = Traffic()
    await traffic.join("v1", "a", model="tip_share")
    await traffic.join("v1", "bc")
    assert traffic.told()[1:] == [[("v1", ["b"])], [("v1", ["c"])]]


async def test_versions_that_cost_little_share_messages_and_what_may_be_under_way() -> None:
    traffic = Traffic()
    await traffic.prove("champion")
    await traffic.prove("canary")
    await traffic.join("champion", "ab")
    await traffic.join("canary", "c")
    await traffic.join("champion", "d")
    await traffic.join("canary", "e")
    assert traffic.told() == [[("champion", ["a"])], [("champion", ["b"])]]

    await traffic.come_back(traffic.sent[0])
    assert traffic.told()[2:] == [[("champion", ["d"]), ("canary", ["c", "e"])]]


async def test_a_row_of_any_version_leaves_at_once_where_nothing_is_under_way() -> None:
    traffic = Traffic()
    await traffic.prove("champion")
    await traffic.prove("canary")
    await traffic.join("canary", "a")
    assert traffic.told() == [[("canary", ["a"])]]


async def test_whoever_waits_leaves_when_a_message_of_another_version_comes_back() -> None:
    traffic = Traffic(inflight=1)
    await traffic.prove("champion")
    await traffic.prove("canary")
    await traffic.join("champion", "a")
    await traffic.join("canary", "b")
    await traffic.come_back(traffic.sent[0])
    assert traffic.told()[1:] == [[("canary", ["b"])]]


async def test_a_convoy_has_no_more_rows_than_a_batch() -> None:
    traffic = Traffic(inflight=1, rows=3)
    for version in ("champion", "canary", "other"):
        await traffic.prove(version)
    await traffic.join("champion", "abc")
    await traffic.join("canary", "def")
    await traffic.come_back(traffic.sent[0])
    await traffic.come_back(traffic.sent[1])
    # Five rows want three places: of the champion's two one leaves, and one at least of the canary's three.
    assert traffic.told()[1] == [("champion", ["b"]), ("canary", ["d", "e"])]
    assert traffic.told()[2] == [("champion", ["c"]), ("canary", ["f"])]


async def test_however_many_rows_of_one_version_wait_another_leaves_with_the_next_message() -> None:
    traffic = Traffic(inflight=1, rows=3)
    for version in ("champion", "canary", "other"):
        await traffic.prove(version)
    await traffic.join("champion", "abcdefghijklmnop")
    await traffic.join("canary", "1")
    await traffic.join("other", "2")
    await traffic.come_back(traffic.sent[0])
    assert [(version, len(ids)) for version, ids in traffic.told()[1]] == [("champion", 1), ("canary", 1), ("other", 1)]
    assert {len(message) for message in traffic.sent} == {1, 3}


async def test_a_message_has_no_more_parts_than_a_worker_takes() -> None:
    traffic = Traffic(inflight=1, rows=1000)
    versions = [f"v{number}" for number in range(MAX_PARTS + 5)]
    for version in versions:
        line = traffic.lines.get(MODEL, version)
        line.inflight = 1  # busy lines are not forgotten
    for version in versions:
        traffic.lines.get(MODEL, version).note_cost(1, CHEAP_MS)
    for version in versions:
        traffic.lines.get(MODEL, version).join(new_row(version))
    for version in versions:
        traffic.lines.get(MODEL, version).inflight = 0
    traffic.lines.get(MODEL, versions[0]).depart_soon()
    await turn()
    assert len(traffic.sent[0].parts) == MAX_PARTS


@pytest.mark.parametrize("dear", ["champion", "canary"])
async def test_a_version_that_costs_much_travels_alone_and_keeps_nobody_from_leaving(dear: str) -> None:
    traffic = Traffic(inflight=1)
    for version in ("champion", "canary"):
        await traffic.prove(version, cost_ms=DEAR_MS if version == dear else CHEAP_MS)
    await traffic.join("champion", "ab")
    await traffic.join("canary", "cd")
    assert traffic.told() == [[("champion", ["a"])], [("canary", ["c"])]]
    await traffic.come_back(traffic.sent[0], cost_ms=DEAR_MS if dear == "champion" else CHEAP_MS)
    assert traffic.told()[2:] == [[("champion", ["b"])]]


async def test_a_version_that_nothing_is_known_of_travels_alone() -> None:
    traffic = Traffic(inflight=1)
    await traffic.prove("champion")
    await traffic.join("champion", "ab")
    await traffic.join("new", "cd")
    await traffic.come_back(traffic.sent[0])
    assert traffic.told() == [[("champion", ["a"])], [("new", ["c"])], [("champion", ["b"])]]


async def test_nobody_shares_a_message_that_some_worker_would_not_understand() -> None:
    traffic = Traffic(inflight=1)
    await traffic.prove("champion")
    await traffic.prove("canary")
    traffic.mixing = False
    await traffic.join("champion", "ab")
    await traffic.join("canary", "cd")
    await traffic.come_back(traffic.sent[0])
    assert traffic.told() == [[("champion", ["a"])], [("canary", ["c"])], [("champion", ["b"])]]


async def test_versions_whose_message_was_lost_travel_alone_until_one_of_their_batches_came_back() -> None:
    traffic = Traffic(inflight=1)
    await traffic.prove("champion")
    await traffic.prove("canary")
    await traffic.join("champion", "ab")
    await traffic.join("canary", "c")
    await traffic.come_back(traffic.sent[0])
    lost = traffic.sent[1]
    assert len(lost.parts) == 2
    lost.note_lost()
    lost.release()
    await traffic.join("champion", "d")
    await traffic.join("canary", "e")
    await traffic.join("champion", "f")
    assert traffic.told()[2:] == [[("champion", ["d"])], [("canary", ["e"])]]
    await traffic.come_back(traffic.sent[2])
    assert traffic.told()[4:] == [[("champion", ["f"])]]


async def test_a_convoy_counts_once_with_all_that_it_cost() -> None:
    traffic = Traffic(inflight=1)
    await traffic.prove("champion")
    await traffic.prove("canary")
    await traffic.join("champion", "ab")
    await traffic.join("canary", "c")
    await traffic.come_back(traffic.sent[0])
    del traffic.costs_s[:]
    await traffic.come_back(traffic.sent[1])
    assert traffic.costs_s == [pytest.approx(2 * CHEAP_MS / 1000)]
    assert [line.inflight for line in traffic.lines.of(MODEL)] == [0, 0]


async def test_one_long_computation_of_many_short_ones_does_not_make_a_version_dear() -> None:
    traffic = Traffic()
    for _ in range(20):
        await traffic.prove("champion", cost_ms=0.1)
    await traffic.prove("champion", cost_ms=3 * LIGHT_MS)
    assert traffic.lines.get(MODEL, "champion").light
    for _ in range(20):
        await traffic.prove("champion", cost_ms=3 * LIGHT_MS)
    assert not traffic.lines.get(MODEL, "champion").light


async def test_of_many_lines_only_those_stay_that_somebody_stands_in_or_travels_for() -> None:
    traffic = Traffic()
    await traffic.join("travels", "a")
    for number in range(MANY_LINES):
        traffic.lines.get(MODEL, f"v{number}")
    assert len(traffic.lines) < MANY_LINES
    assert traffic.lines.get(MODEL, "travels").inflight == 1
    assert {line.version for line in traffic.lines.of(MODEL)} == {"travels", f"v{MANY_LINES - 1}"}


async def test_dear_rows_are_shared_out_evenly_to_workers_first_and_then_to_all_places() -> None:
    traffic = Traffic(inflight=4, workers=2)
    await traffic.prove("champion", cost_ms=DEAR_MS)
    await traffic.join_together("champion", 8)
    assert [len(batch) for batch in traffic.sent] == [4, 4]

    await traffic.join_together("champion", 7)
    assert [len(batch) for batch in traffic.sent[2:]] == [4, 3]

    await traffic.join_together("champion", 9)
    assert len(traffic.sent) == 4
    for message in traffic.sent[:4]:
        await traffic.come_back(message, cost_ms=len(message) * DEAR_MS)
    # Nine waited beside eleven under way when the first came back, and a batch takes a quarter of all.
    assert [len(batch) for batch in traffic.sent[4:]] == [5, 4]


@pytest.mark.parametrize(
    ("workers", "costs_ms"),
    [(1, {1: DEAR_MS}), (2, {1: CHEAP_MS}), (2, {2: DEAR_MS, 1: DEAR_MS}), (2, {})],
    ids=["one worker", "light batches", "dear calls", "not known"],
)
async def test_other_rows_leave_in_as_few_messages_as_possible(workers: int, costs_ms: dict[int, float]) -> None:
    traffic = Traffic(inflight=4, workers=workers)
    for rows, cost_ms in costs_ms.items():
        await traffic.join_together("champion", rows)
        await traffic.come_back(traffic.sent.pop(), cost_ms=cost_ms)
    await traffic.join_together("champion", 8)
    assert [len(batch) for batch in traffic.sent] == [8]


async def test_what_dear_rows_cost_is_forgotten_with_a_batch_that_was_lost() -> None:
    traffic = Traffic(inflight=4, workers=2)
    await traffic.prove("champion", cost_ms=DEAR_MS)
    traffic.lines.get(MODEL, "champion").distrust()
    await traffic.join_together("champion", 8)
    assert [len(batch) for batch in traffic.sent] == [8]
