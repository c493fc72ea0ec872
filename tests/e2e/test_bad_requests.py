import json
import socket
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.e2e.problems import check_problem
from tests.e2e.processes import ANSWER_TIMEOUT_S, EXAMPLE, Stack

pytestmark = pytest.mark.e2e

MEBIBYTE = 1024 * 1024
GOOD = json.dumps(EXAMPLE)
DEEP = "[" * 50_000 + "]" * 50_000


def with_raw(name: str, value: str) -> str:
    """Return the example body with one field spelled as it is."""
    return GOOD.replace(json.dumps({name: EXAMPLE[name]})[1:-1], f'"{name}": {value}')


WRONG_VALUES = [
    ("PULocationID", value) for value in ['"130"', "true", "null", "130.5", "0", "266", "-1", "1e300", "1" * 400, "[130]"]
] + [
    ("trip_distance", value)
    for value in ['"3"', "true", "null", "NaN", "Infinity", "-Infinity", "1e400", "-0.1", "500.1", "{}", "1" * 400]
] + [
    ("request_id", value)
    for value in ["1", "null", '""', f'"{"x" * 129}"', '"é"', '"a\\nb"', '"a\\n"', '"\\u0000"', '"\\u007f"', '"€"']
]  # fmt: skip

WRONG_BODIES = {
    "empty": b"",
    "space": b"  ",
    "cut off": GOOD[:-5].encode(),
    "array": f"[{GOOD}]".encode(),
    "null": b"null",
    "string": b'"trip"',
    "number": b"130",
    "two documents": f"{GOOD}{GOOD}".encode(),
    "comment": f"{GOOD} // a trip".encode(),
    "single quotes": GOOD.replace('"', "'").encode(),
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "not UTF-8": b'{"request_id":"\xff"}',
    "lone surrogate": with_raw("request_id", '"\\udfff"').encode(),
    "lone surrogate as a name": GOOD.replace("}", ', "\\ud800": 1}').encode(),
    "deep": with_raw("trip_distance", DEEP).encode(),
    "deep unknown field": GOOD.replace("}", f', "x": {DEEP}}}').encode(),
    "huge integer": with_raw("PULocationID", "1" * 100_000).encode(),
    "field twice": GOOD.replace("}", ', "trip_distance": 4}').encode(),
    "unknown field": GOOD.replace("}", ', "tip": 4}').encode(),
}


@pytest.mark.parametrize(("name", "value"), WRONG_VALUES, ids=[f"{name}={value[:20]}" for name, value in WRONG_VALUES])
def test_a_wrong_value_is_a_400_that_names_the_field(stack: Stack, name: str, value: str) -> None:
    answer = stack.post(with_raw(name, value))

    request_id = None if name == "request_id" or len(value) > 100 else "1"
    request_id = None if value in {"NaN", "Infinity", "-Infinity", "1e400"} else request_id
    problem = check_problem(answer, HTTPStatus.BAD_REQUEST, 100, request_id=request_id)
    assert [item["loc"] for item in problem["errors"]] == [["body", name]]
    assert all(item["msg"] for item in problem["errors"])


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_body_that_is_no_trip_is_a_400_with_a_reason(stack: Stack, body: bytes) -> None:
    answer = stack.post(body)

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    problem = check_problem(answer, HTTPStatus.BAD_REQUEST, 100, request_id=answer.json()["request_id"])
    assert problem["errors"][0]["loc"][0] == "body"
    assert problem["errors"][0]["msg"]


@pytest.mark.parametrize("name", EXAMPLE)
def test_a_missing_field_is_named(stack: Stack, name: str) -> None:
    body = json.dumps({key: value for key, value in EXAMPLE.items() if key != name})

    problem = check_problem(
        stack.post(body), HTTPStatus.BAD_REQUEST, 100, request_id=None if name == "request_id" else "1"
    )

    assert problem["errors"] == [{"loc": ["body", name], "msg": "Field required"}]


def test_all_faults_are_listed(stack: Stack) -> None:
    answer = stack.predict(PULocationID=0, DOLocationID="205", trip_distance=-1, tip=1)

    faulty = {item["loc"][1] for item in check_problem(answer, HTTPStatus.BAD_REQUEST, 100, request_id="1")["errors"]}
    assert faulty == {"PULocationID", "DOLocationID", "trip_distance", "tip"}


def test_the_value_of_a_field_is_not_repeated(stack: Stack) -> None:
    assert "hunter2" not in stack.predict(trip_distance="hunter2").text


@pytest.mark.parametrize("seconds", ["abc", "-1", "0", "nan", "", "-inf", "1,5"])
def test_a_timeout_that_is_no_positive_number_is_a_400(stack: Stack, seconds: str) -> None:
    answer = stack.predict(headers={"X-Request-Timeout": seconds})

    problem = check_problem(answer, HTTPStatus.BAD_REQUEST, 100, request_id="1")
    assert "X-Request-Timeout" in problem["detail"]


@pytest.mark.parametrize("seconds", ["inf", "1e9", "5", "2.5"])
def test_a_timeout_never_raises_the_deadline_but_may_be_any_positive_number(stack: Stack, seconds: str) -> None:
    assert stack.predict(headers={"X-Request-Timeout": seconds}).status_code == HTTPStatus.OK


@pytest.mark.parametrize("path", ["/nope", "/v1", "/v1/trip", "/v2/trip/predict", "/v1/trip/predict/x", "/%00"])
def test_an_unknown_path_is_a_404(stack: Stack, path: str) -> None:
    check_problem(stack.get(path), HTTPStatus.NOT_FOUND, 100)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/trip/predict", "POST"),
        ("PUT", "/v1/trip/predict", "POST"),
        ("DELETE", "/v1/trip/predict", "POST"),
        ("OPTIONS", "/v1/trip/predict", "POST"),
        ("TRACE", "/v1/trip/predict", "POST"),
        ("POST", "/health", "GET"),
        ("POST", "/health/ready", "GET"),
    ],
)
def test_a_wrong_method_is_a_405_that_names_the_right_one(stack: Stack, method: str, path: str, allowed: str) -> None:
    answer = httpx.request(method, stack.url + path, timeout=ANSWER_TIMEOUT_S)

    check_problem(answer, HTTPStatus.METHOD_NOT_ALLOWED, 100)
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "application/json; charset=latin-1"])
def test_another_media_type_is_a_415(stack: Stack, content_type: str) -> None:
    check_problem(stack.post(GOOD, content_type=content_type), HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 100)


def test_a_body_of_a_mebibyte_is_read(stack: Stack) -> None:
    assert stack.post(GOOD.ljust(MEBIBYTE)).status_code == HTTPStatus.OK


def test_a_larger_body_is_a_413(stack: Stack) -> None:
    check_problem(stack.post(GOOD.ljust(MEBIBYTE + 1)), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 100)


def test_a_body_that_is_declared_too_large_is_refused_before_it_comes(stack: Stack) -> None:
    with speaking(stack, f"Content-Length: {MEBIBYTE + 1}") as connection:
        status, problem = read_answer(connection)

    assert (status, problem["status"], problem["reply_code"]) == (413, 413, 100)


def test_an_endless_body_is_refused_after_a_mebibyte(stack: Stack) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent = 0
    with speaking(stack, "Transfer-Encoding: chunked") as connection:
        connection.settimeout(0.5)
        try:
            while sent < 64 * MEBIBYTE:
                sent += connection.send(chunk)
        except OSError:  # the server no longer reads, or has closed the connection
            pass
        status, problem = read_answer(connection)

    assert sent < 16 * MEBIBYTE
    assert (status, problem["status"], problem["reply_code"]) == (413, 413, 100)


def speaking(stack: Stack, header: str) -> socket.socket:
    """Open a connection and send the head of a prediction request with one header of our own."""
    connection = socket.create_connection(("127.0.0.1", stack.http_port), timeout=ANSWER_TIMEOUT_S)
    head = f"POST /v1/trip/predict HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n{header}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def read_answer(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Return status and body of the answer that comes."""
    connection.settimeout(ANSWER_TIMEOUT_S)
    received = b""
    while b"}" not in received:
        part = connection.recv(65536)
        assert part, "the server closed the connection without an answer"
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    problem: dict[str, Any] = json.loads(body)
    return int(head.split()[1]), problem
