import asyncio
import gc
import weakref
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from core.managers.line import Batch, Line, Row
from core.utilities.errors import DeadlinePassedError
from tests.core.managers.rows import new_row, turn


def new_line(sent: list[Batch], *, inflight: Callable[[], int] = lambda: 1, rows: int = 100) -> Line:
    return Line("trip_duration", None, send=sent.append, max_batch_rows=rows, max_inflight=inflight)


def ids(batch: Batch) -> list[str]:
    return [row.request_id for row in batch.rows]


async def test_a_request_that_finds_the_line_free_leaves_at_once_alone() -> None:
    sent: list[Batch] = []
    line = new_line(sent)
    line.join(new_row("a"))
    await turn()
    assert [ids(batch) for batch in sent] == [["a"]]
    assert (len(line), line.inflight) == (0, 1)


async def test_requests_of_the_same_instant_leave_together() -> None:
    sent: list[Batch] = []
    line = new_line(sent)
    for name in "abc":
        line.join(new_row(name))
    await turn()
    assert [ids(batch) for batch in sent] == [["a", "b", "c"]]


async def test_while_a_batch_is_under_way_rows_gather_and_leave_together_when_it_returns() -> None:
    sent: list[Batch] = []
    line = new_line(sent)
    for name in "abc":
        line.join(new_row(name))
        await turn()
    assert ([ids(batch) for batch in sent], len(line)) == ([["a"]], 2)
    line.returned(1)
    await turn()
    assert [ids(batch) for batch in sent] == [["a"], ["b", "c"]]


async def test_rows_beyond_a_full_batch_keep_their_order() -> None:
    sent: list[Batch] = []
    line = new_line(sent, rows=2)
    for name in "abcde":
        line.join(new_row(name))
    for _ in range(3):
        await turn()
        line.returned(len(sent[-1]))
    assert [ids(batch) for batch in sent] == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_free_line_sends_all_that_its_limit_allows() -> None:
    sent: list[Batch] = []
    line = new_line(sent, rows=1, inflight=lambda: 3)
    for name in "abcde":
        line.join(new_row(name))
    await turn()
    assert ([ids(batch) for batch in sent], line.inflight) == ([["a"], ["b"], ["c"]], 3)


async def test_a_limit_that_has_grown_counts_from_the_next_departure() -> None:
    sent: list[Batch] = []
    limit = 1
    line = new_line(sent, rows=1, inflight=lambda: limit)
    for name in "abc":
        line.join(new_row(name))
    await turn()
    limit = 3
    line.depart()
    assert [ids(batch) for batch in sent] == [["a"], ["b"], ["c"]]


async def test_a_row_that_left_before_its_batch_leaves_no_trace() -> None:
    sent: list[Batch] = []
    line = new_line(sent)
    row = new_row("gone")
    answer = weakref.ref(row.answer)
    line.join(row)
    line.leave(row)
    del row
    await turn()
    gc.collect()
    assert (sent, len(line), line.inflight) == ([], 0, 0)
    assert answer() is None


async def test_the_neighbours_of_a_row_that_left_keep_their_places() -> None:
    sent: list[Batch] = []
    line = new_line(sent)
    rows = {name: new_row(name) for name in "abc"}
    for row in rows.values():
        line.join(row)
    line.leave(rows["b"])
    await turn()
    assert [ids(batch) for batch in sent] == [["a", "c"]]


async def test_leaving_after_the_departure_changes_nothing() -> None:
    sent: list[Batch] = []
    line = new_line(sent)
    row = new_row("a")
    line.join(row)
    await turn()
    line.leave(row)
    assert (ids(sent[0]), line.inflight) == (["a"], 1)


async def test_a_batch_wants_only_the_rows_that_somebody_waits_for() -> None:
    rows = [new_row(name) for name in "abc"]
    batch = Batch(rows=rows, line=new_line([]))
    rows[0].answer.cancel()
    rows[1].fail(DeadlinePassedError("late"))
    assert batch.wanted == [rows[2]]
    assert rows[1].answer.exception() is not None


async def test_each_row_gets_an_error_of_its_own_and_only_once() -> None:
    rows = [new_row(), new_row()]
    error = DeadlinePassedError("late")
    for row in rows * 2:
        row.fail(error)
    raised = [row.answer.exception() for row in rows]
    assert [str(one) for one in raised] == ["late", "late"]
    assert len({id(one) for one in [*raised, error]}) == 3


class Traffic:
    """Rows that come and go, and what the line was seen to do with them."""

    def __init__(self, *, limit: int, rows: int) -> None:
        self.sent: list[Batch] = []
        self.joined: list[Row] = []
        self.gone: set[Row] = set()
        self.line = new_line(self.sent, inflight=lambda: limit, rows=rows)

    async def meet(self, event: str, number: int) -> None:
        if event == "join":
            self.joined.append(new_row(str(number)))
            self.line.join(self.joined[-1])
        elif event == "leave" and self.joined:
            self.leave(self.joined[number % len(self.joined)])
        elif event == "return" and self.line.inflight:
            self.line.returned(len(self.sent[-1]))
        elif event == "turn":
            await turn()

    def leave(self, row: Row) -> None:
        if row not in self.departed():
            self.gone.add(row)
        self.line.leave(row)

    def departed(self) -> list[Row]:
        return [row for batch in self.sent for row in batch.rows]

    async def end(self) -> None:
        """Let every batch return until nobody waits."""
        while self.line.inflight or len(self.line):
            await turn()
            self.line.returned(len(self.sent[-1]))


@given(events=st.lists(st.sampled_from(["join", "leave", "return", "turn"]), max_size=60), limit=st.integers(1, 3))
def test_whatever_happens_rows_leave_once_in_order_and_never_too_many(events: list[str], limit: int) -> None:
    async def live() -> None:
        traffic = Traffic(limit=limit, rows=4)
        for number, event in enumerate(events):
            await traffic.meet(event, number)
            assert 0 <= traffic.line.inflight <= limit
        await traffic.end()
        assert traffic.departed() == [row for row in traffic.joined if row not in traffic.gone]
        assert all(0 < len(batch.rows) <= 4 for batch in traffic.sent)

    asyncio.run(live())


FEATURES = ("PULocationID", "DOLocationID", "trip_distance", "pickup_datetime")


async def test_a_column_that_no_row_has_a_value_for_does_not_travel() -> None:
    sent: list[Batch] = []
    line = new_line(sent)
    for name in "ab":
        line.join(new_row(name))
    await turn()
    assert list(sent[0].encode(FEATURES)["columns"]) == list(FEATURES[:3])


async def test_a_column_that_some_row_has_a_value_for_travels_with_gaps() -> None:
    sent: list[Batch] = []
    line = new_line(sent)
    for name, time in (("a", None), ("b", "2021-01-05T08:30:00")):
        row = new_row(name)
        row.values = (*row.values[:3], time)
        line.join(row)
    await turn()
    assert sent[0].encode(FEATURES)["columns"]["pickup_datetime"] == [None, "2021-01-05T08:30:00"]
