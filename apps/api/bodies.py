"""Reading a JSON body: its media type, its size, its form."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from apps.api.errors import BodyTooLargeError, InvalidBodyError, UnsupportedMediaTypeError
from core.schemas.trip import RequestId

MEBIBYTE = 1024 * 1024
MAX_FAULTS = 100
"""Faults that are listed; a body of a mebibyte has room for a hundred thousand, and the answer would be larger."""
Model = TypeVar("Model", bound=BaseModel)
_REQUEST_ID: TypeAdapter[str] = TypeAdapter(RequestId)


async def read_json(scope: Scope, receive: Receive, *, limit: int = MEBIBYTE) -> bytes:
    """Return the body of a request.

    Raises
    ------
    UnsupportedMediaTypeError
        If it is not declared as JSON in UTF-8.
    BodyTooLargeError
        If it is larger than ``limit`` bytes: by its declared length, or once more than that has come.
    ClientDisconnect
        If the caller hangs up before all of it has come.
    """
    if not _is_json(find_header(scope, b"content-type") or ""):
        raise UnsupportedMediaTypeError("the body must be application/json")
    length = find_header(scope, b"content-length") or ""
    if length.isdecimal() and int(length[:20]) > limit:
        raise BodyTooLargeError(f"the body is larger than {limit} bytes")
    return await _receive(receive, limit)


def find_header(scope: Scope, name: bytes) -> str | None:
    """Return the value of the first header called ``name``, which is in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


async def _receive(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise BodyTooLargeError(f"the body is larger than {limit} bytes")
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_json(content_type: str) -> bool:
    if content_type == "application/json":
        return True
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")]
    return media_type == "application/json" and all(charset in {"utf-8", "utf8"} for charset in charsets)


def validate(model: type[Model], body: bytes) -> Model:
    """Return ``body`` as ``model``.

    Raises
    ------
    InvalidBodyError
        If it is not JSON, or not such a model; carries the first ``MAX_FAULTS`` faults. No value of the body is repeated.
    """
    try:
        message = model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from None
    # The parser takes the last of two equal names. Each name has its colon, so more colons are worth a second look.
    if body.count(b":") > len(message.model_fields_set):
        json.loads(body, object_pairs_hook=_refuse_duplicates)
    return message


def validate_envelope(model: type[Model], body: bytes) -> Model:
    """Return ``body`` as ``model``, whose lists may be long and hold anything.

    Raises
    ------
    InvalidBodyError
        If it is not JSON, or not such a model.
    """
    try:
        return model.model_validate(_parse(body))
    except ValidationError as error:
        raise _refusal(error) from None


def _parse(body: bytes) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Parse quickly; what that refuses (a NaN, a number beyond all bounds), as pydantic does for a single row."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return from_json(body)
    except ValueError as error:
        items = [{"loc": ["body"], "msg": f"Invalid JSON: {error}"}]
        raise InvalidBodyError("the body is not what this route takes", items) from None


def _refusal(error: ValidationError) -> InvalidBodyError:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    items = [item_of(fault, "body") for fault in faults[:MAX_FAULTS]]
    return InvalidBodyError("the body is not what this route takes", items)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    counts = Counter(name for name, _ in pairs)
    items = [{"loc": ["body", name], "msg": "Field given twice"} for name, count in counts.items() if count > 1]
    if items:
        raise InvalidBodyError("the body is not what this route takes", items)


def item_of(fault: Mapping[str, Any], *where: str | int) -> dict[str, Any]:
    """Return what a caller is told of one of pydantic's faults, found ``where``."""
    # A model that is validated from a dict would say its class's name.
    msg = "Input should be an object" if fault.get("type") == "model_type" else fault["msg"]
    return {"loc": [*where, *fault["loc"]], "msg": msg.removeprefix("Value error, ")}


def find_request_id(body: bytes) -> str | None:
    """Return the ``request_id`` of a body that is otherwise wrong, if it can be read."""
    try:
        content = orjson.loads(body)
        return _REQUEST_ID.validate_python(content.get("request_id")) if isinstance(content, dict) else None
    except (orjson.JSONDecodeError, ValidationError):
        return None
