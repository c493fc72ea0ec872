"""A way to a broker on which every round trip takes long, as on a machine that has too much to do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.chaos.proxy import Proxy
from tests.e2e.processes import Broker, free_port


@asynccontextmanager
async def slow_way(broker: Broker, *, round_trip_s: float) -> AsyncIterator[str]:
    """Return the URL of a proxy before the broker."""
    proxy = Proxy(port=free_port(), target=broker.port)
    proxy.delay_s = round_trip_s / 2
    await proxy.start()
    try:
        yield f"redis://127.0.0.1:{proxy.port}/0"
    finally:
        await proxy.stop()
