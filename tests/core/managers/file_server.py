"""A small HTTP server of one file, that understands Range and can misbehave on purpose."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


@dataclass
class Behaviour:
    """What is served, and how."""

    content: bytes
    etag: str | None = '"one"'
    status: int = 200
    ranges: bool = True
    cut_after: int | None = None
    """Send only so many bytes of the body, then close the connection."""
    shift: int = 0
    """Serve another offset than asked for."""
    only: str = ""
    """The one name that is there; empty: every name is."""
    requests: list[dict[str, str]] = field(default_factory=list)

    def head(self, path: str) -> tuple[int, int]:
        """Return status and length of the answer to a HEAD."""
        return (self.status, len(self.content)) if path.endswith(self.only) else (404, 0)


@contextmanager
def file_server(behaviour: Behaviour) -> Iterator[str]:  # noqa: C901 (a handler is a class within)
    """Yield the base URL of a server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:  # the server library's name
            self._head(*behaviour.head(self.path), None)

        def do_GET(self) -> None:  # the server library's name
            behaviour.requests.append(dict(self.headers))
            start = self._start()
            if start is not None and start >= len(behaviour.content):
                self._head(416, 0, f"bytes */{len(behaviour.content)}")
                return
            begin = (start or 0) + (behaviour.shift if start is not None else 0)
            body = behaviour.content[begin:]
            span = f"bytes {begin}-{len(behaviour.content) - 1}/{len(behaviour.content)}"
            self._head(behaviour.status if start is None else 206, len(body), span if start is not None else None)
            self.wfile.write(body[: behaviour.cut_after])
            self.close_connection = True

        def _start(self) -> int | None:
            wanted = self.headers.get("Range")
            same = self.headers.get("If-Range") == behaviour.etag
            return int(wanted[6:-1]) if wanted and same and behaviour.ranges else None

        def _head(self, status: int, length: int, span: str | None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            if span:
                self.send_header("Content-Range", span)
            if behaviour.etag:
                self.send_header("ETag", behaviour.etag)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def direct_client() -> httpx.Client:
    """Return a client that no proxy of the environment stands before."""
    return httpx.Client(trust_env=False, timeout=10)
