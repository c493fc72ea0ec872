import mmap
import os
import random

import pytest

from core.managers.return_table import LATE_S, ReturnTable, create_shared_memory
from core.services.admission import Standing

NOW = 5000.0
DUE = NOW + 3.0
ENTRIES = 1 << 10


@pytest.fixture
def memory() -> mmap.mmap:
    return create_shared_memory(ENTRIES)


@pytest.fixture
def table(memory: mmap.mmap) -> ReturnTable:
    return ReturnTable(memory)


@pytest.mark.parametrize("standing", [Standing.INVITED, Standing.BOOKED])
def test_what_a_client_was_told_is_found_again(table: ReturnTable, standing: Standing) -> None:
    table.invite("a", standing, DUE)
    found, due = table.find("a", NOW)
    assert found is standing
    assert due == pytest.approx(DUE, abs=0.002)


def test_of_any_other_client_nothing_is_known(table: ReturnTable) -> None:
    table.invite("a", Standing.BOOKED, DUE)
    assert table.find("b", NOW)[0] is Standing.NEW


def test_what_a_client_was_told_counts_once(table: ReturnTable) -> None:
    table.invite("a", Standing.BOOKED, DUE)
    table.use("a")
    assert table.find("a", NOW)[0] is Standing.NEW


def test_to_forget_a_client_leaves_the_others(table: ReturnTable) -> None:
    table.invite("a", Standing.BOOKED, DUE)
    table.use("somebody else")
    assert table.find("a", NOW)[0] is Standing.BOOKED


def test_the_last_word_counts(table: ReturnTable) -> None:
    table.invite("a", Standing.BOOKED, DUE)
    table.invite("a", Standing.INVITED, DUE + 2)
    standing, due = table.find("a", NOW)
    assert standing is Standing.INVITED
    assert due == pytest.approx(DUE + 2, abs=0.002)
    table.use("a")
    assert table.find("a", NOW)[0] is Standing.NEW


def test_a_client_that_comes_much_too_late_is_like_a_new_one(table: ReturnTable) -> None:
    table.invite("a", Standing.BOOKED, DUE)
    assert table.find("a", DUE + LATE_S - 0.1)[0] is Standing.BOOKED
    assert table.find("a", DUE + LATE_S + 0.1)[0] is Standing.NEW


def test_tables_over_the_same_memory_know_the_same_clients(memory: mmap.mmap) -> None:
    one, other = ReturnTable(memory), ReturnTable(memory)
    one.invite("a", Standing.BOOKED, DUE)
    assert other.find("a", NOW)[0] is Standing.BOOKED
    other.use("a")
    assert one.find("a", NOW)[0] is Standing.NEW


def test_tables_of_their_own_memory_know_nothing_of_each_other(table: ReturnTable) -> None:
    table.invite("a", Standing.BOOKED, DUE)
    assert ReturnTable(create_shared_memory(ENTRIES)).find("a", NOW)[0] is Standing.NEW


# The child touches the table only, and no lock that a thread of this process could hold.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_client_may_come_back_to_another_process(table: ReturnTable) -> None:
    table.invite("told by the parent", Standing.BOOKED, DUE)
    child = os.fork()
    if child == 0:
        found = table.find("told by the parent", NOW)[0]
        table.use("told by the parent")
        table.invite("told by the child", Standing.INVITED, DUE)
        os._exit(found)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == Standing.BOOKED
    assert table.find("told by the parent", NOW)[0] is Standing.NEW
    assert table.find("told by the child", NOW)[0] is Standing.INVITED


def test_a_full_table_keeps_its_size_and_knows_the_last_one(memory: mmap.mmap, table: ReturnTable) -> None:
    for number in range(10 * ENTRIES):
        table.invite(f"client {number}", Standing.BOOKED, DUE + number / 1000)
        assert table.find(f"client {number}", NOW)[0] is Standing.BOOKED
    assert len(memory) == 8 * ENTRIES


def test_of_as_many_clients_as_a_quarter_of_the_table_nearly_all_are_known(table: ReturnTable) -> None:
    names = [f"client {number}" for number in range(ENTRIES // 4)]
    for name in names:
        table.invite(name, Standing.BOOKED, DUE)
    assert sum(table.find(name, NOW)[0] is Standing.BOOKED for name in names) > 0.9 * len(names)


def test_words_of_others_are_nobodys_and_do_not_stand_in_the_way(memory: mmap.mmap, table: ReturnTable) -> None:
    memory[:] = random.Random(1).randbytes(len(memory))  # noqa: S311 (nothing secret)
    for number in range(50):
        assert table.find(f"client {number}", NOW)[0] is Standing.NEW
        table.use(f"client {number}")
        table.invite(f"client {number}", Standing.BOOKED, DUE)
        assert table.find(f"client {number}", NOW)[0] is Standing.BOOKED


@pytest.mark.parametrize("entries", [1, 3, 1000])
def test_a_size_that_is_no_power_of_two_is_refused(entries: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        ReturnTable(create_shared_memory(entries))
