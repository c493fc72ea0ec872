import time
import uuid

import time_machine

from core.utilities.clock import milliseconds_since, uuid7


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(uuid7())

    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_an_id_carries_the_milliseconds_of_its_making() -> None:
    with time_machine.travel(1_700_000_000, tick=False):
        made = uuid.UUID(uuid7())

    assert made.int >> 80 == 1_700_000_000_000


def test_ids_sort_by_time() -> None:
    with time_machine.travel(1_700_000_000, tick=False) as clock:
        first = uuid7()
        clock.shift(0.001)
        second = uuid7()

    assert first < second


def test_ids_of_one_millisecond_differ() -> None:
    with time_machine.travel(1_700_000_000, tick=False):
        assert len({uuid7() for _ in range(10_000)}) == 10_000


def test_milliseconds_are_a_thousandth_of_what_the_clock_reads() -> None:
    start = time.perf_counter() - 5
    found = milliseconds_since(start)
    assert 5_000 <= found <= (time.perf_counter() - start) * 1_000
