import time
from collections.abc import Mapping

import orjson
import pytest
from starlette.requests import Request

from apps.api.early_refusal import HEADS, LONGEST_HEAD, EarlyRefusal
from apps.api.errors import STARTED, problem_response
from core.utilities.errors import OverloadError
from tests.core.managers.crowds import TIMEOUT_S, Crowd, gather_crowd

PATH = "/v1/trip/predict"
BODY = b'{"request_id": "r 1", "PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}'
DEFAULT_HEADERS = [(b"date", b"Thu, 01 Jan 1970 00:00:00 GMT")]
HOST, LENGTH = b"Host: test\r\n", b"Content-Length: %d\r\n" % len(BODY)
FIRST = b"POST /v1/trip/predict HTTP/1.1\r\n"
USUAL = FIRST + HOST + b"Content-Type: application/json\r\n" + LENGTH + b"\r\n" + BODY


@pytest.fixture
async def crowd() -> Crowd:
    return await gather_crowd()


@pytest.fixture
def refusal(crowd: Crowd) -> EarlyRefusal:
    return EarlyRefusal({PATH: crowd.admission}, timeout_s=TIMEOUT_S)


def with_headers(headers: bytes, body: bytes = BODY) -> bytes:
    """Return the usual request with other headers."""
    return FIRST + HOST + headers + b"\r\n" + body


def with_body(body: bytes) -> bytes:
    """Return the usual request with another body."""
    return with_headers(b"Content-Length: %d\r\n" % len(body), body)


def parse(answer: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Return status line, headers and body."""
    head, body = answer.split(b"\r\n\r\n", 1)
    status, *lines = head.split(b"\r\n")
    headers = {name: value for name, _, value in (line.partition(b": ") for line in lines)}
    assert len(headers) == len(lines)
    return status, headers, body


UNUSUAL: Mapping[str, bytes] = {
    "nothing": b"",
    "no end of the head": USUAL[: USUAL.index(b"\r\n\r\n") + 2],
    "no body yet": USUAL[: -len(BODY)],
    "half a body": USUAL[:-5],
    "more than a body": USUAL + b"\r\n",
    "another request behind it": USUAL + USUAL,
    "another method": USUAL.replace(b"POST", b"PUT"),
    "another path": USUAL.replace(b"/predict", b"/predict/batch"),
    "a query": USUAL.replace(b"/predict", b"/predict?a=b"),
    "an older protocol": USUAL.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "chunked": with_headers(b"Transfer-Encoding: chunked\r\n" + LENGTH),
    "chunked only": with_headers(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "expect": with_headers(LENGTH + b"Expect: 100-continue\r\n"),
    "upgrade": with_headers(LENGTH + b"Upgrade: websocket\r\n"),
    "to be closed": with_headers(LENGTH + b"Connection: close\r\n"),
    "no length": with_headers(b""),
    "two lengths": with_headers(LENGTH + LENGTH),
    "two lengths in one": with_headers(LENGTH.replace(b"\r\n", b", 1\r\n")),
    "a length with a sign": with_headers(LENGTH.replace(b": ", b": +")),
    "space before the colon": with_headers(LENGTH.replace(b":", b" :")),
    "a folded header": with_headers(LENGTH + b"X-Folded: a\r\n b\r\n"),
    "a header folded with a tab": with_headers(LENGTH + b"X-Folded: a\r\n\tb\r\n"),
    "a bare line feed": with_headers(LENGTH + b"X-Bare: a\nX-More: b\r\n"),
    "a head that is too long": with_headers(LENGTH + b"X-Long: " + b"x" * LONGEST_HEAD + b"\r\n"),
    "two deadlines": with_headers(LENGTH + b"X-Request-Timeout: 5\r\nX-Request-Timeout: 6\r\n"),
    "a deadline that is none": with_headers(LENGTH + b"X-Request-Timeout: soon\r\n"),
    "a negative deadline": with_headers(LENGTH + b"X-Request-Timeout: -1\r\n"),
    "no number as deadline": with_headers(LENGTH + b"X-Request-Timeout: nan\r\n"),
    "no request id": with_body(BODY.replace(b"request_id", b"id")),
    "a request id with an escape": with_body(BODY.replace(b"r 1", b"\\u0072 1")),
    "a request id with a quote": with_body(BODY.replace(b"r 1", b'r\\"1')),
    "a request id with a line end": with_body(BODY.replace(b"r 1", b"r\r\nX: 1")),
    "a request id beyond ASCII": with_body(BODY.replace(b"r 1", "é".encode())),
    "an empty request id": with_body(BODY.replace(b"r 1", b"")),
    "a request id that is too long": with_body(BODY.replace(b"r 1", b"r" * 129)),
    "a request id that is a number": with_body(BODY.replace(b'"r 1"', b"1")),
}


@pytest.mark.parametrize("name", UNUSUAL)
async def test_an_unusual_request_is_left_to_the_usual_way(refusal: EarlyRefusal, name: str) -> None:
    assert UNUSUAL[name] != USUAL
    for _ in range(2):
        assert refusal.answer(UNUSUAL[name], DEFAULT_HEADERS) is None
        assert refusal.answer(USUAL, DEFAULT_HEADERS) is not None


@pytest.mark.parametrize(
    "data",
    [
        USUAL,
        USUAL.replace(b"Content-Length", b"CONTENT-length"),
        with_headers(LENGTH + b"X-Request-Timeout: 1.5\r\n"),
        with_body(BODY.replace(b": ", b":")),
    ],
)
async def test_the_answer_is_that_of_the_usual_way(refusal: EarlyRefusal, data: bytes) -> None:
    answer = refusal.answer(data, DEFAULT_HEADERS)
    assert answer is not None
    status, headers, body = parse(answer)

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [], STARTED: time.perf_counter()}
    retry_after_s = int(headers[b"retry-after"])
    usual = problem_response(Request(scope), OverloadError(retry_after_s), request_id="r 1")
    assert status == b"HTTP/1.1 503 Service Unavailable"
    assert 1 <= retry_after_s <= 10
    assert orjson.loads(body) == orjson.loads(usual.body)
    assert int(headers[b"content-length"]) == len(body)
    expected = dict([*DEFAULT_HEADERS, *usual.raw_headers])
    assert headers.keys() == expected.keys()
    assert headers.pop(b"server-timing").startswith(b"total;dur=")
    assert headers.items() <= expected.items()


async def test_each_request_is_answered_with_its_own_id(refusal: EarlyRefusal) -> None:
    for name in (b"a", b"bb", b"c", b"x" * 128, b"~!#$%&'()*+,-./:;<=>?@[]^_`{|}"):
        answer = refusal.answer(with_body(BODY.replace(b"r 1", name)), DEFAULT_HEADERS)
        assert answer is not None
        _, headers, body = parse(answer)
        assert headers[b"x-request-id"] == name
        assert orjson.loads(body)["request_id"] == name.decode()
        assert int(headers[b"content-length"]) == len(body)


async def test_who_is_not_refused_gets_no_answer_here(crowd: Crowd) -> None:
    idle = Crowd()
    refusal = EarlyRefusal({PATH: idle.admission}, timeout_s=TIMEOUT_S)
    assert refusal.answer(USUAL, DEFAULT_HEADERS) is None
    assert not refusal.pressed
    both = EarlyRefusal({PATH: idle.admission, "/other": crowd.admission}, timeout_s=TIMEOUT_S)
    assert both.pressed
    assert both.answer(USUAL, DEFAULT_HEADERS) is None


async def test_a_client_that_comes_back_when_told_gets_no_answer_here(crowd: Crowd, refusal: EarlyRefusal) -> None:
    answer = refusal.answer(USUAL, DEFAULT_HEADERS)
    assert answer is not None
    await crowd.go_on(int(parse(answer)[1][b"retry-after"]))
    assert refusal.answer(USUAL.replace(b"r 1", b"r 2"), DEFAULT_HEADERS) is not None
    assert refusal.answer(USUAL, DEFAULT_HEADERS) is None


async def test_the_headers_are_those_of_the_moment(refusal: EarlyRefusal) -> None:
    for value in (b"now", b"later"):
        answer = refusal.answer(USUAL, [(b"date", value)])
        assert answer is not None
        assert parse(answer)[1][b"date"] == value


async def test_a_server_that_closes_its_connections_says_so_in_the_usual_way(refusal: EarlyRefusal) -> None:
    assert refusal.answer(USUAL, [*DEFAULT_HEADERS, (b"connection", b"close")]) is None


async def test_heads_that_all_differ_do_not_pile_up(refusal: EarlyRefusal) -> None:
    for number in range(3 * HEADS):
        data = with_headers(LENGTH + b"X-Trace: %d\r\n" % number)
        assert refusal.answer(data, DEFAULT_HEADERS) is not None
    assert len(refusal._heads) <= HEADS
