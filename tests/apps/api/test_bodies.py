from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect

from apps.api.bodies import MAX_FAULTS, find_request_id, read_json, validate
from apps.api.errors import BodyTooLargeError, InvalidBodyError, UnsupportedMediaTypeError
from core.schemas.trip import TripRequest

GOOD = b'{"request_id":"7","PULocationID":130,"DOLocationID":205,"trip_distance":3.0}'


class Connection:
    """A request whose body comes in parts; counts those that were taken."""

    def __init__(self, parts: Iterable[bytes], *, hang_up: bool = False, **headers: str) -> None:
        self.taken = 0
        self._parts = iter(parts)
        self._hang_up = hang_up
        named = {"content_type": "application/json", **headers}
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
        self.scope = {"type": "http", "headers": pairs}

    async def read(self, **options: int) -> bytes:
        return await read_json(self.scope, self._receive, **options)

    async def _receive(self) -> dict[str, Any]:
        part = next(self._parts, None)
        if part is None and self._hang_up:
            return {"type": "http.disconnect"}
        self.taken += part is not None
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}


async def test_a_body_in_parts_is_put_together() -> None:
    assert await Connection([b"{", b"}"]).read() == b"{}"


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert await Connection([b"12", b"345"]).read(limit=5) == b"12345"


async def test_a_body_that_says_that_it_is_too_large_is_not_read() -> None:
    connection = Connection([b"123456"], content_length="6")

    with pytest.raises(BodyTooLargeError):
        await connection.read(limit=5)

    assert connection.taken == 0


async def test_a_body_is_read_no_further_than_the_limit() -> None:
    connection = Connection(b"123" for _ in range(1_000_000))

    with pytest.raises(BodyTooLargeError):
        await connection.read(limit=5)

    assert connection.taken == 2


async def test_a_caller_that_hangs_up_while_sending_is_noticed() -> None:
    with pytest.raises(ClientDisconnect):
        await Connection([b"{"], hang_up=True).read()


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; profile=x",
    ],
)
async def test_json_in_utf_8_is_read(content_type: str) -> None:
    assert await Connection([GOOD], content_type=content_type).read() == GOOD


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/jsonx", "application/json; charset=latin-1", "application/x-www-form-urlencoded"],
)
async def test_anything_else_is_not_read(content_type: str) -> None:
    connection = Connection([GOOD], content_type=content_type)

    with pytest.raises(UnsupportedMediaTypeError):
        await connection.read()

    assert connection.taken == 0


def test_a_fault_names_its_place_and_not_its_value() -> None:
    with pytest.raises(InvalidBodyError) as raised:
        validate(TripRequest, GOOD.replace(b"3.0", b'"swordfish"'))

    assert [item["loc"] for item in raised.value.items] == [["body", "trip_distance"]]
    assert "swordfish" not in str(raised.value.items)


@pytest.mark.parametrize(
    "body",
    [
        GOOD.replace(b"}", b',"trip_distance":4}'),
        GOOD.replace(b"}", b',"request_id":"7"}'),
        GOOD.replace(b"}", b',"\\u0072equest_id":"8"}'),
        GOOD.replace(b"}", b' , "DOLocationID" : 205 }'),
    ],
)
def test_a_field_that_comes_twice_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidBodyError) as raised:
        validate(TripRequest, body)

    assert "twice" in raised.value.items[0]["msg"]


def test_of_very_many_faults_only_some_are_listed() -> None:
    fields = ",".join(f'"{number}":1' for number in range(10_000))

    with pytest.raises(InvalidBodyError) as raised:
        validate(TripRequest, f"{{{fields}}}".encode())

    assert len(raised.value.items) == MAX_FAULTS


@pytest.mark.parametrize("request_id", [b"a:b", b'\\"x\\":', b"{:::}"])
def test_colons_and_quotes_in_an_id_are_no_fields(request_id: bytes) -> None:
    assert validate(TripRequest, GOOD.replace(b'"7"', b'"' + request_id + b'"')).PULocationID == 130


@given(body=st.binary())
def test_any_bytes_are_refused_with_a_reason(body: bytes) -> None:
    with pytest.raises(InvalidBodyError) as raised:
        validate(TripRequest, body)

    assert raised.value.items


@pytest.mark.parametrize(
    ("body", "request_id"),
    [
        (b'{"request_id":"7"}', "7"),
        (b'{"request_id":7}', None),
        (b'{"request_id":""}', None),
        (b'{"request_id":"a\\nb"}', None),
        (b'{"request_id":"7"', None),
        (b'["request_id"]', None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_the_id_of_a_wrong_body_is_found_if_it_is_one(body: bytes, request_id: str | None) -> None:
    assert find_request_id(body) == request_id


@given(body=st.binary())
def test_looking_for_an_id_never_fails(body: bytes) -> None:
    find_request_id(body)
