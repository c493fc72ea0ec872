from hypothesis import given
from hypothesis import strategies as st

from core.schemas.backlog import BacklogReport, RowCount
from core.services.backlog import sum_up

QUEUES = {"a": "tasks.a", "b": "tasks.b"}
COUNTS = st.builds(RowCount, held=st.integers(0, 10_000), sent=st.integers(0, 10_000))
REPORTS = st.lists(st.builds(BacklogReport, rows=st.dictionaries(st.sampled_from(["a", "b"]), COUNTS)))
MESSAGES = st.fixed_dictionaries({"a": st.none() | st.integers(0, 10_000), "b": st.none() | st.integers(0, 10_000)})


def report(held: int, sent: int) -> BacklogReport:
    return BacklogReport(rows={"a": RowCount(held=held, sent=sent)})


def test_rows_of_all_web_processes_are_added_up() -> None:
    found = sum_up([report(10, 500), report(0, 3)], queues=QUEUES, messages={"a": 2, "b": 0})
    assert (found.rows_waiting, found.web_processes) == (513, 2)
    assert (found.models["a"].rows_held, found.models["a"].rows_sent) == (10, 503)


def test_messages_of_others_count_where_web_processes_sent_none() -> None:
    found = sum_up([report(0, 0)], queues=QUEUES, messages={"a": 7, "b": 1})
    assert {model: part.rows_waiting for model, part in found.models.items()} == {"a": 7, "b": 1}


def test_a_row_that_was_sent_and_its_message_count_once() -> None:
    assert sum_up([report(1, 2)], queues=QUEUES, messages={"a": 2, "b": 0}).rows_waiting == 3


def test_without_the_length_of_the_queue_the_rows_of_web_processes_count() -> None:
    found = sum_up([report(1, 2)], queues=QUEUES, messages={"a": None, "b": None})
    assert found.rows_waiting == 3
    assert found.models["a"].messages_queued is None


@given(reports=REPORTS, messages=MESSAGES)
def test_nothing_that_is_known_to_wait_is_left_out(
    reports: list[BacklogReport], messages: dict[str, int | None]
) -> None:
    found = sum_up(reports, queues=QUEUES, messages=messages)
    assert found.rows_waiting == sum(part.rows_waiting for part in found.models.values())
    for model, part in found.models.items():
        counts = [one.rows[model] for one in reports if model in one.rows]
        assert part.rows_waiting >= sum(count.held + count.sent for count in counts)
        assert part.rows_waiting >= (messages[model] or 0)
