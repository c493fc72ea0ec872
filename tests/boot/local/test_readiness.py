"""Waiting until the system answers."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from boot.local.errors import LaunchError
from boot.local.ports import LOOPBACK, free_port
from boot.local.readiness import missing_part, wait_until_ready


@contextmanager
def server(status: int, body: bytes) -> Iterator[int]:
    """Serve one answer on a free port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with http.server.HTTPServer((LOOPBACK, 0), Answer) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            yield web.server_address[1]
        finally:
            web.shutdown()
            thread.join()


def _missing(port: int) -> str | None:
    return missing_part(host=LOOPBACK, port=port, path="/health/ready")


def test_nothing_is_missing_when_the_server_answers_200() -> None:
    with server(200, b"{}") as port:
        assert _missing(port) is None


def test_the_readiness_answer_says_what_is_missing() -> None:
    with server(503, b'{"status": "not ready", "missing": ["broker", "worker"]}') as port:
        assert _missing(port) == "broker, worker"


def test_any_other_answer_is_named_by_its_status() -> None:
    for body in (b"oops", b"[]", b'{"missing": []}', b'{"missing": null}'):
        with server(500, body) as port:
            assert _missing(port) == "the web server answers 500"


def test_a_server_that_is_not_there_is_named() -> None:
    assert _missing(free_port()) == "the web server does not answer yet"


async def test_each_missing_part_is_said_once_while_waiting() -> None:
    said: list[str] = []
    answers = iter(["no broker", "no broker", "no worker", None])
    await wait_until_ready(lambda: next(answers), say=said.append)

    assert said == ["waiting: no broker", "waiting: no worker"]


async def test_the_wait_ends_with_the_name_of_what_is_missing() -> None:
    with pytest.raises(LaunchError, match=r"Not ready after 0\.2 s: no worker\."):
        await wait_until_ready(lambda: "no worker", say=lambda _: None, timeout_s=0.2)
