"""What travels inside a ``predict_rows`` task, as plain JSON values: wire version 1, or several of it (version 2).

These are dataclasses with hand-written codecs, not pydantic models: a batch is decoded once a task on
the hot path, and its rows are checked against the feature schema by the handler, column by column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson

from core.schemas.outcome import BatchOutcome, RowError, RowErrorCode
from core.utilities.errors import WireError

WIRE_VERSION = 1
MIXED_WIRE_VERSION = 2
"""Of a message that is several of version 1: rows of more than one version of a model, which travel together."""
MAX_PARTS = 64
NO_DEADLINE = 253_402_300_800.0
"""The deadline of a row that has none: the year 10000, because JSON has no infinity."""
Columns = Mapping[str, Any]
"""Feature name -> one value a row; all of equal length. Lists where they come off the wire; a sender may use arrays."""


_NUMBERS: frozenset[type] = frozenset({int, float})
"""JSON's; a bool is none. Types are compared without a loop in Python: a chunk has thousands of rows."""


@dataclass(frozen=True, kw_only=True)
class PredictRowsRequest:
    """A batch of rows on its way to a worker.

    Parameters
    ----------
    model, version : str, str or None
        Who shall answer; ``None`` leaves the version to the worker's route.
    columns : Columns
        The features, (n_rows,) each.
    ids : list of str
        The callers' request ids, (n_rows,).
    deadlines : list of float
        Unix seconds after which nobody waits for the row, (n_rows,).
    attempt : int
        0 for the first sending.
    """

    model: str
    version: str | None
    columns: Columns
    ids: list[str]
    deadlines: list[float]
    attempt: int = 0

    def encode(self) -> dict[str, Any]:
        """Return the message as JSON values."""
        return {
            "wire": WIRE_VERSION,
            "model": self.model,
            "version": self.version,
            "columns": dict(self.columns),
            "ids": self.ids,
            "deadlines": self.deadlines,
            "attempt": self.attempt,
        }

    @classmethod
    def decode(cls, message: object) -> Self:
        """Read a message.

        Raises
        ------
        WireError
            If it is of another wire version, misses a part, has one of the wrong type, or is ragged.
        """
        if not isinstance(message, dict) or message.get("wire") != WIRE_VERSION:
            raise WireError(f"not a message of wire version {WIRE_VERSION}")
        model, version = message.get("model"), message.get("version")
        columns, ids = message.get("columns"), message.get("ids")
        deadlines, attempt = message.get("deadlines"), message.get("attempt", 0)
        if not isinstance(model, str) or not isinstance(version, str | None):
            raise WireError("model or version is not a string")
        if type(attempt) is not int or attempt < 0:
            raise WireError("attempt is not a count")
        columns, ids, deadlines = _check_rows(columns, ids, deadlines)
        return cls(model=model, version=version, columns=columns, ids=ids, deadlines=deadlines, attempt=attempt)


def encode_rows_of_one(
    *, model: str, version: str | None, columns: Columns, rows: int, request_id: str, deadline: int, attempt: int
) -> dict[str, Any]:
    """Return a request whose rows share an id and a deadline, as values for orjson.

    The same as :meth:`PredictRowsRequest.encode`, but what is the same for all rows is written once and copied.
    """
    return {
        "wire": WIRE_VERSION,
        "model": model,
        "version": version,
        "columns": dict(columns),
        "ids": _repeated(request_id, rows),
        "deadlines": _repeated(deadline, rows),
        "attempt": attempt,
    }


def encode_mixed(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the message that carries several of version 1, be they requests or replies."""
    return {"wire": MIXED_WIRE_VERSION, "parts": list(parts)}


def decode_requests(message: object) -> list[PredictRowsRequest]:
    """Read the requests of a message: one of version 1, or several in one of version 2.

    Raises
    ------
    WireError
        As :meth:`PredictRowsRequest.decode`, for any of them.
    """
    return [PredictRowsRequest.decode(part) for part in _parts(message)]


def decode_replies(message: object, *, rows: Sequence[int]) -> list["PredictRowsReply"]:
    """Read the replies to as many requests as ``rows`` has numbers, of so many rows each.

    Raises
    ------
    WireError
        As :meth:`PredictRowsReply.decode`, for any of them.
    """
    parts = _parts(message)
    if len(parts) != len(rows):
        raise WireError(f"{len(parts)} replies to {len(rows)} requests")
    return [PredictRowsReply.decode(part, rows=count) for part, count in zip(parts, rows, strict=True)]


def _parts(message: object) -> list[object]:
    """Return the messages of version 1 that a message is."""
    if not isinstance(message, dict) or message.get("wire") != MIXED_WIRE_VERSION:
        return [message]
    parts = message.get("parts")
    if not isinstance(parts, list) or not 0 < len(parts) <= MAX_PARTS:
        raise WireError("the parts are missing, or too many")
    return parts


def _repeated(value: str | int, times: int) -> orjson.Fragment:
    return orjson.Fragment(b"[" + ((orjson.dumps(value) + b",") * times)[:-1] + b"]")


def _check_rows(columns: object, ids: object, deadlines: object) -> tuple[dict[str, list[Any]], list[str], list[float]]:
    """Return the rows' parts, or raise: of one length, with ids that are strings and deadlines that are numbers."""
    if not isinstance(columns, dict) or not isinstance(ids, list) or not isinstance(deadlines, list):
        raise WireError("columns, ids or deadlines is missing")
    if ids and not columns:
        raise WireError("there are rows, but no columns")
    if not all(isinstance(values, list) and len(values) == len(ids) for values in (*columns.values(), deadlines)):
        raise WireError("ragged: the columns, ids and deadlines differ in length")
    try:
        "".join(ids)  # the fastest way to find that one is none
    except TypeError:
        raise WireError("a request id is not a string") from None
    if not _NUMBERS.issuperset(map(type, deadlines)):
        raise WireError("a deadline is not a number")
    return columns, ids, deadlines


@dataclass(frozen=True, kw_only=True)
class PredictRowsReply:
    """What a worker answers to a batch; ``outcome`` is in the order of the request's rows."""

    model: str
    version: str
    worker: str
    outcome: BatchOutcome
    queue_ms: float

    def encode(self) -> dict[str, Any]:
        """Return the message as JSON values."""
        outcome = self.outcome
        return {
            "wire": WIRE_VERSION,
            "model": self.model,
            "version": self.version,
            "worker": self.worker,
            "predictions": outcome.predictions,
            "errors": {str(i): {"code": e.code.value, "detail": e.detail} for i, e in outcome.errors.items()},
            "timings": {
                "queue_ms": self.queue_ms,
                "features_ms": outcome.features_ms,
                "predict_ms": outcome.predict_ms,
            },
        }

    @classmethod
    def decode(cls, message: object, *, rows: int) -> Self:
        """Read a reply to a batch of ``rows`` rows.

        Raises
        ------
        WireError
            If it is not such a reply: another wire version, another number of rows, a row with neither
            a prediction nor an error.
        """
        if not isinstance(message, dict) or message.get("wire") != WIRE_VERSION:
            raise WireError(f"not a reply of wire version {WIRE_VERSION}")
        try:
            predictions, timings = message["predictions"], message["timings"]
            errors = {
                int(index): RowError(RowErrorCode(error["code"]), str(error["detail"]))
                for index, error in message["errors"].items()
            }
            outcome = BatchOutcome(
                predictions=predictions,
                errors=errors,
                features_ms=float(timings["features_ms"]),
                predict_ms=float(timings["predict_ms"]),
            )
            reply = cls(
                model=str(message["model"]),
                version=str(message["version"]),
                worker=str(message["worker"]),
                outcome=outcome,
                queue_ms=float(timings["queue_ms"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WireError(f"malformed reply: {type(error).__name__}") from error
        _check_outcome(outcome, rows)
        return reply


@dataclass(frozen=True, kw_only=True)
class PreparedRows:
    """What a model looks at in some rows, as a worker answers it; for people, not on the hot path.

    Parameters
    ----------
    model, version : str
        Who answered.
    features : mapping of str to list
        By name, JSON values; None is what the model takes for missing.
    """

    model: str
    version: str
    features: Mapping[str, list[Any]]

    def encode(self) -> dict[str, Any]:
        """Return the message as JSON values."""
        features = {name: list(values) for name, values in self.features.items()}
        return {"wire": WIRE_VERSION, "model": self.model, "version": self.version, "features": features}

    @classmethod
    def decode(cls, message: object) -> Self:
        """Read a message.

        Raises
        ------
        WireError
            If it is none of this wire version.
        """
        if not isinstance(message, dict) or message.get("wire") != WIRE_VERSION:
            raise WireError(f"not a message of wire version {WIRE_VERSION}")
        features = message.get("features")
        if not isinstance(features, dict) or not all(isinstance(values, list) for values in features.values()):
            raise WireError("the features are missing")
        return cls(model=str(message.get("model")), version=str(message.get("version")), features=features)


def _check_outcome(outcome: BatchOutcome, rows: int) -> None:
    """Raise unless each of ``rows`` rows has either a number or an error."""
    if not isinstance(outcome.predictions, list) or len(outcome.predictions) != rows:
        raise WireError(f"not a reply to {rows} rows")
    if _NUMBERS.issuperset(map(type, outcome.predictions)):
        return
    for index, prediction in enumerate(outcome.predictions):
        if type(prediction) not in (float, int) and index not in outcome.errors:
            raise WireError(f"row {index} has neither a prediction nor an error")
