import gc
from collections.abc import Iterator

import pytest

from core.utilities.heap import settle_heap


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_a_full_collection_walks_only_what_came_later() -> None:
    kept = [[number] for number in range(10_000)]

    settle_heap()
    later: list[object] = [[]]

    walked = gc.get_objects()
    assert any(entry is later for entry in walked)
    assert not any(entry is kept for entry in walked)
    assert len(walked) < 10_000


def test_garbage_that_comes_later_is_still_collected() -> None:
    settle_heap()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle

    assert gc.collect() >= 1
