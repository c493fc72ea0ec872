import math
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kombu import serialization
from kombu.utils import json as kombu_json

from tasks.codec import dumps, loads, register_json

numbers = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)
KOMBU_ONLY = [datetime(2021, 1, 31, 12, tzinfo=UTC), b"bytes", b"\xff", Decimal("1.50"), {"nested": [b"deep"]}]


@pytest.fixture
def registered() -> Iterator[None]:
    register_json()
    yield
    serialization.register_json()


@given(json_values)
def test_both_sides_of_kombus_own_codec_are_understood(value: Any) -> None:
    assert loads(dumps(value)) == loads(kombu_json.dumps(value)) == kombu_json.loads(dumps(value)) == value


@given(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)))
def test_whatever_bytes_come_kombu_decides_what_is_json(text: bytes) -> None:
    assume(not re.search(rb"\d{19}", text))  # beyond 64 bits: see below
    try:
        expected = kombu_json.loads(text)
    except (ValueError, RecursionError):
        with pytest.raises((ValueError, RecursionError)):
            loads(text)
    else:
        assert repr(loads(text)) == repr(expected)


@pytest.mark.parametrize("value", [*KOMBU_ONLY, uuid.UUID(int=7)], ids=repr)
def test_what_json_does_not_know_comes_as_kombu_wrote_it(value: Any) -> None:
    assert loads(kombu_json.dumps(value)) == value


@pytest.mark.parametrize("value", KOMBU_ONLY, ids=repr)
def test_what_json_does_not_know_is_written_as_kombu_does(value: Any) -> None:
    assert dumps(value) == kombu_json.dumps(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_written_as_null_and_never_as_a_number(value: float) -> None:
    assert loads(dumps([1.0, value])) == [1.0, None]


def test_a_clients_nan_is_read_so_that_it_can_be_refused_by_name() -> None:
    assert math.isnan(loads("[130, NaN]")[1])


@pytest.mark.parametrize("as_sent", [str, str.encode, lambda text: memoryview(text.encode())])
def test_a_body_may_be_text_or_any_kind_of_bytes(as_sent: Any) -> None:
    assert loads(as_sent('{"a": [1, {"__type__": "bytes", "__value__": "x"}]}')) == {"a": [1, b"x"]}
    assert loads(as_sent('{"a": 1}')) == {"a": 1}


def test_an_integer_beyond_64_bits_comes_as_the_nearest_float() -> None:
    assert loads(str(2**64 + 1)) == 2.0**64


def test_a_float_keeps_every_bit() -> None:
    value = 12.785509620119132
    assert loads(dumps(value)).hex() == kombu_json.loads(dumps(value)).hex() == value.hex()


def test_it_takes_the_place_of_kombus_codec(registered: None) -> None:
    content_type, encoding, text = serialization.dumps({"a": 1}, serializer="json")

    assert (content_type, encoding, text) == ("application/json", "utf-8", '{"a":1}')
    assert serialization.loads(text, content_type, encoding, accept={"application/json"}) == {"a": 1}
