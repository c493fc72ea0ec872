import asyncio
from collections.abc import Sequence

import pytest

from bench.contenders.microbatch import Batcher
from core.schemas.trip import TripRequest, TripRow


class Recording:
    """Answers the distance; remembers how many trips came together."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def predict(self, trips: Sequence[TripRow]) -> list[float]:
        self.sizes.append(len(trips))
        return [trip.trip_distance for trip in trips]


@pytest.mark.parametrize("in_thread", [False, True])
async def test_trips_that_wait_together_are_predicted_together_each_with_its_own_answer(in_thread: bool) -> None:
    model = Recording()
    batcher = Batcher(model, in_thread=in_thread)
    task = asyncio.create_task(batcher.run())
    trips = [
        TripRequest(request_id="1", PULocationID=1, DOLocationID=2, trip_distance=float(miles)) for miles in range(50)
    ]

    answers = await asyncio.gather(*map(batcher.predict, trips))
    task.cancel()

    assert answers == [trip.trip_distance for trip in trips]
    assert max(model.sizes) > 1
    assert sum(model.sizes) == len(trips)
