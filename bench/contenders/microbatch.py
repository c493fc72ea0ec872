"""The model in the web process with micro-batching: what waits is predicted as one matrix."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from bench.contenders.models import Model, load_model
from bench.contenders.reply import reply
from core.schemas.trip import TripReply, TripRequest

MAX_ROWS = 512
Waiting = tuple[TripRequest, asyncio.Future[float]]


class Batcher:
    """Gathers the trips that come in while it computes, and predicts them together.

    Without a timer: a lone request does not wait for others. The matrix is computed in the event loop or, with
    ``in_thread``, in a thread beside it.
    """

    def __init__(self, model: Model, *, in_thread: bool) -> None:
        self._model = model
        self._in_thread = in_thread
        self._waiting: list[Waiting] = []
        self._someone_waits = asyncio.Event()

    async def predict(self, trip: TripRequest) -> float:
        """Return the minutes of one trip."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((trip, future))
        self._someone_waits.set()
        return await future

    async def run(self) -> None:
        """Predict batch after batch, until cancelled."""
        while True:
            await self._someone_waits.wait()
            batch, self._waiting = self._waiting[:MAX_ROWS], self._waiting[MAX_ROWS:]
            if not self._waiting:
                self._someone_waits.clear()
            trips = [trip for trip, _ in batch]
            if self._in_thread:
                minutes = await asyncio.to_thread(self._model.predict, trips)
            else:
                minutes = self._model.predict(trips)
            for (_, future), value in zip(batch, minutes, strict=True):
                if not future.done():
                    future.set_result(value)
            await asyncio.sleep(0)  # in the loop, whatever has come in meanwhile joins the next batch


def create_app() -> FastAPI:
    """Return the application."""
    batcher = Batcher(load_model(), in_thread=os.environ.get("BENCH_MICROBATCH") == "thread")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(batcher.run())
        yield
        task.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/trip/predict")
    async def predict(trip: TripRequest) -> TripReply:
        return reply(trip, await batcher.predict(trip))

    return app
