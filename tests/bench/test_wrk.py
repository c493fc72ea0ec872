import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from bench.wrk import LoadError, load, parse, require_wrk
from tests.promises import check_time, tried_thrice

PRINTED = """Running 1s test @ http://127.0.0.1:1
  1 threads and 64 connections
READING {"requests": 3000, "seconds": 1.800000, "p50_ms": 4.2, "p99_ms": 9.9, "max_ms": 12.5, "statuses": 2, "sockets": 3}
"""


def test_a_reading_is_parsed_and_its_errors_are_added() -> None:
    reading = parse(PRINTED, generator_cpu_s=0.5)

    assert reading.requests_per_s == pytest.approx(2000)
    assert (reading.p50_ms, reading.p99_ms, reading.max_ms) == (4.2, 9.9, 12.5)
    assert reading.errors == 5
    assert reading.generator_cpu_s == 0.5


@pytest.mark.parametrize("output", ["", "unable to connect", PRINTED + PRINTED])
def test_output_without_exactly_one_reading_is_refused(output: str) -> None:
    with pytest.raises(LoadError, match="no reading"):
        parse(output)


def test_a_run_without_an_answer_is_no_reading() -> None:
    with pytest.raises(LoadError, match="no request was answered"):
        parse(PRINTED.replace("3000", "0"))


def test_a_missing_wrk_ends_the_program_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(SystemExit) as raised:
        require_wrk()

    assert str(raised.value) == "wrk is missing: apt-get install wrk"


class Refusing(http.server.BaseHTTPRequestHandler):
    """Reads a body and answers every second request with 503."""

    protocol_version = "HTTP/1.1"
    bodies: ClassVar[list[bytes]]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(503 if len(self.bodies) % 2 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[tuple[str, list[bytes]]]:
    if shutil.which("wrk") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have wrk: the benchmark is untested")
        pytest.skip("wrk is not installed")

    class Handler(Refusing):
        bodies: ClassVar[list[bytes]] = []

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", Handler.bodies
        server.shutdown()
        thread.join()


@tried_thrice
def test_wrk_sends_the_bodies_in_turn_and_counts_refusals(refusing: tuple[str, list[bytes]]) -> None:
    url, bodies = refusing
    bodies.clear()

    reading = load(url, connections=1, seconds=1)

    check_time(reading.seconds, 1.0)
    check_time(reading.seconds / reading.requests, 0.05, what="a request")
    assert reading.errors == pytest.approx(reading.requests / 2, abs=1)
    assert len(set(bodies)) == len(bodies)
    assert 0 < reading.p50_ms <= reading.p99_ms <= reading.max_ms
    assert reading.generator_cpu_s > 0
