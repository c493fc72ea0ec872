import asyncio

from boot.uvicorn.one_write import OneWriteTransport


class Wire(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__({"peername": ("here", 1)})
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True


async def test_what_is_written_in_one_turn_is_sent_together_and_in_order() -> None:
    wire = Wire()
    transport = OneWriteTransport(wire, asyncio.get_running_loop())

    transport.write(b"head ")
    transport.write(b"body")
    assert wire.sent == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)

    assert wire.sent == [b"head body", b"next"]


async def test_what_was_written_is_sent_before_it_closes() -> None:
    wire = Wire()
    transport = OneWriteTransport(wire, asyncio.get_running_loop())

    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)

    assert (wire.sent, wire.closed) == ([b"last words"], True)


async def test_everything_else_is_the_transports_own() -> None:
    transport = OneWriteTransport(Wire(), asyncio.get_running_loop())

    assert transport.get_extra_info("peername") == ("here", 1)
