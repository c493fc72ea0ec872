"""Lines of one model beside each other: who may send how much, and which of them stay."""

from core.managers.line import Batch
from core.managers.lines import MANY_LINES, Lines
from tests.core.managers.rows import new_row, turn

MODEL = "trip_duration"


def new_lines(sent: list[Batch], *, inflight: int = 2) -> Lines:
    return Lines(send=sent.append, max_batch_rows=100, max_inflight=lambda model: inflight)


async def join(lines: Lines, version: str, name: str, *, model: str = MODEL) -> None:
    lines.get(model, version).join(new_row(name))
    await turn()


def told(sent: list[Batch]) -> list[tuple[str | None, list[str]]]:
    return [(batch.line.version, batch.ids) for batch in sent]


async def test_lines_of_a_model_leave_each_other_what_is_under_way() -> None:
    sent: list[Batch] = []
    lines = new_lines(sent)
    await join(lines, "champion", "a")
    await join(lines, "canary", "b")
    await join(lines, "champion", "c")
    await join(lines, "champion", "d")
    assert told(sent) == [("champion", ["a"]), ("canary", ["b"])]

    lines.get(MODEL, "champion").returned()
    await turn()
    assert told(sent)[2:] == [("champion", ["c", "d"])]


async def test_what_another_line_has_no_more_under_way_is_free_again() -> None:
    sent: list[Batch] = []
    lines = new_lines(sent)
    await join(lines, "canary", "a")
    lines.get(MODEL, "canary").returned()
    for name in "bc":
        await join(lines, "champion", name)
    assert told(sent)[1:] == [("champion", ["b"]), ("champion", ["c"])]


async def test_a_line_never_waits_for_another_that_hangs() -> None:
    sent: list[Batch] = []
    lines = new_lines(sent)
    for name in "ab":
        await join(lines, "hangs", name)
    await join(lines, "champion", "c")
    assert told(sent)[-1] == ("champion", ["c"])


async def test_another_model_leaves_a_line_what_it_has() -> None:
    sent: list[Batch] = []
    lines = new_lines(sent)
    await join(lines, "v1", "a", model="tip_share")
    for name in "bc":
        await join(lines, "v1", name)
    assert told(sent)[1:] == [("v1", ["b"]), ("v1", ["c"])]


async def test_of_many_lines_only_those_stay_that_somebody_stands_in_or_travels_for() -> None:
    sent: list[Batch] = []
    lines = new_lines(sent)
    await join(lines, "travels", "a")
    for number in range(MANY_LINES):
        lines.get(MODEL, f"v{number}")
    assert len(lines) < MANY_LINES
    assert lines.get(MODEL, "travels").inflight == 1
    assert {line.version for line in lines.of(MODEL)} == {"travels", f"v{MANY_LINES - 1}"}
