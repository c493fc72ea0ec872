from collections.abc import Iterator

import pytest
from loguru import logger

from core.managers.admission import REPORT_INTERVAL_S
from core.managers.return_table import LATE_S, ReturnTable, create_shared_memory
from core.services.admission import LONGEST_RETRY_S
from tests.core.managers.crowds import TIMEOUT_S, Crowd, gather_crowd
from tests.core.managers.rows import turn


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """Return what is logged meanwhile."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    yield lines
    logger.remove(sink)


async def test_while_no_pace_is_known_everybody_is_taken() -> None:
    crowd = Crowd()
    assert [crowd.ask_as_new() for _ in range(1000)] == [None] * 1000
    assert not crowd.admission.pressed


async def test_in_an_overload_a_new_client_is_told_to_come_back_within_ten_seconds() -> None:
    crowd = await gather_crowd()
    told = [crowd.ask_as_new() for _ in range(5000)]
    assert set(told) == set(range(1, LONGEST_RETRY_S + 1))
    assert LONGEST_RETRY_S == 10
    assert crowd.admission.pressed


async def test_a_client_that_comes_back_when_told_is_taken_where_a_new_one_is_not() -> None:
    crowd = await gather_crowd()
    told = crowd.ask("again")
    assert told is not None
    await crowd.go_on(told)
    assert crowd.ask_as_new() is not None
    assert crowd.ask("again") is None


async def test_a_client_without_a_place_of_its_own_is_taken_before_a_new_one_too() -> None:
    crowd = await gather_crowd()
    while crowd.ask_as_new() != LONGEST_RETRY_S:
        assert len(crowd)
    for _ in range(1000):
        crowd.ask_as_new()
    assert crowd.ask("again") == LONGEST_RETRY_S
    await crowd.go_on(LONGEST_RETRY_S)
    assert crowd.ask_as_new() is not None
    assert crowd.ask("again") is None


async def test_an_invitation_counts_once() -> None:
    crowd = await gather_crowd()
    told = crowd.ask("again")
    assert told is not None
    await crowd.go_on(told)
    assert crowd.ask("again") is None
    assert crowd.ask("again") is not None


async def test_a_client_that_comes_back_too_early_is_told_the_rest() -> None:
    crowd = await gather_crowd()
    while (told := crowd.ask("again") if crowd.ask_as_new() == 4 else None) is None:
        assert len(crowd)
    start = crowd.clock.now
    assert crowd.ask("again") == told
    await crowd.go_on(told - 2.5)
    assert crowd.ask("again") == 3
    await crowd.go_on(start + told - crowd.clock.now)
    assert crowd.ask("again") is None


async def test_a_client_that_comes_back_much_too_late_is_like_a_new_one() -> None:
    crowd = await gather_crowd()
    told = crowd.ask("again")
    assert told is not None
    await crowd.go_on(told + LATE_S + 1)
    assert crowd.ask("again") is not None


async def test_a_client_may_come_back_to_another_process() -> None:
    memory = create_shared_memory()
    one, other = [await gather_crowd(ReturnTable(memory)) for _ in range(2)]
    told = one.ask("again")
    assert told is not None
    await other.go_on(told + one.clock.now - other.clock.now)
    assert other.ask_as_new() is not None
    assert other.ask("again") is None


async def test_when_the_crowd_is_gone_everybody_is_taken_again() -> None:
    crowd = await gather_crowd()
    assert crowd.ask_as_new() is not None
    await crowd.disperse()
    assert crowd.ask_as_new() is None
    assert not crowd.admission.pressed


async def test_what_is_decided_before_a_request_is_read_holds_afterwards() -> None:
    crowd = await gather_crowd()
    told = crowd.admission.refuse_early("again", TIMEOUT_S)
    assert told is not None
    assert crowd.ask("again") == told
    await crowd.go_on(told)
    await turn()
    assert crowd.admission.refuse_early("again", TIMEOUT_S) is None
    await turn()
    assert crowd.ask("again") is None


async def test_where_rows_wait_for_a_worker_everybody_is_taken_until_it_is_there() -> None:
    crowd = await gather_crowd()
    assert crowd.ask_as_new() is not None
    crowd.works = False
    assert [crowd.ask_as_new() for _ in range(1000)] == [None] * 1000
    assert crowd.admission.refuse_early("early", TIMEOUT_S) is None
    crowd.works = True
    assert crowd.ask_as_new() is not None


async def test_requests_that_are_about_to_be_read_count_as_ahead_for_one_round() -> None:
    crowd = await gather_crowd()
    await crowd.disperse()
    await turn()

    def let_in() -> int:
        count = 0
        while crowd.admission.refuse_early(f"early {count}", TIMEOUT_S) is None:
            count += 1
            assert count < 100_000
        return count

    first = let_in()
    assert first > 0
    assert crowd.admission.refuse_early("one more", TIMEOUT_S) is not None
    await turn()
    await turn()
    assert let_in() == pytest.approx(first, rel=0.1)


async def test_refusals_are_logged_together(warnings: list[str]) -> None:
    crowd = await gather_crowd()
    crowd.admission.report("trip_duration")
    warnings.clear()
    crowd.clock.advance(REPORT_INTERVAL_S)
    told = [crowd.ask_as_new() for _ in range(20)]
    for _ in range(3):
        crowd.admission.report("trip_duration")
    assert None not in told
    assert warnings == ["20 requests refused: overload"]
