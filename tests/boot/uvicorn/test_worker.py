import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e.processes import create_stack
from tests.promises import check_time, tried_thrice

pytestmark = pytest.mark.e2e
CLIENTS = 200
BODY = b'{"request_id":"r","PULocationID":130,"DOLocationID":205,"trip_distance":3.0}'
REQUEST = (
    b"POST /v1/trip/predict HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
) + BODY


async def ask(port: int) -> tuple[bytes, float]:
    """Connect and ask; return the status line and the seconds until it came."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    line = await reader.readline()
    writer.close()
    return line, time.monotonic() - started


def test_clients_that_connect_all_at_once_are_let_in_together(tmp_path: Path) -> None:
    async def storm() -> list[tuple[bytes, float]]:
        return await asyncio.gather(*(ask(stack.http_port) for _ in range(CLIENTS)))

    @tried_thrice
    def check_storm() -> None:
        answers = asyncio.run(storm())
        assert {line for line, _ in answers} == {b"HTTP/1.1 200 OK\r\n"}
        check_time(max(seconds for _, seconds in answers), 1.0, what="the last answer")

    stack = create_stack(tmp_path)
    with stack.running():
        check_storm()
