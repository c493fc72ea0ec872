import pytest

from tests.promises import TRIES, LateError, check_time, tried_thrice


def test_a_time_below_its_limit_passes_and_no_other() -> None:
    check_time(0.9, 1.0)
    with pytest.raises(LateError, match=r"the answer took 1\.000 s, promised: less than 1\.000 s"):
        check_time(1.0, 1.0, what="the answer")


@pytest.mark.parametrize(("late", "runs"), [(0, 1), (2, 3)])
def test_what_was_late_is_tried_again_until_it_is_in_time(late: int, runs: int) -> None:
    seen: list[None] = []

    @tried_thrice
    def test() -> None:
        seen.append(None)
        check_time(2.0 if len(seen) <= late else 0.0, 1.0)

    test()
    assert len(seen) == runs


async def test_what_is_late_each_time_fails() -> None:
    seen: list[None] = []

    @tried_thrice
    async def test() -> None:
        seen.append(None)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await test()
    assert len(seen) == TRIES


def test_a_wrong_answer_fails_at_once() -> None:
    seen: list[None] = []

    @tried_thrice
    def test() -> None:
        seen.append(None)
        raise AssertionError

    with pytest.raises(AssertionError):
        test()
    assert len(seen) == 1
