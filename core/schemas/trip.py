"""What a trip is: the row that a caller sends and the answer that he gets."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from core.schemas.numbers import whole_number
from core.schemas.route import VersionId
from core.schemas.times import LocalTime

ZONE_ID_MIN = 1
ZONE_ID_MAX = 265
"""TLC taxi zones are numbered 1..265 (264 and 265 stand for "unknown" and "outside NYC")."""

TRIP_DISTANCE_MAX_MILES = 500.0
UNKNOWN_ZONE = 264
"""The TLC's own number for a place that was not recorded."""
NOT_RECORDED_MILES = 0.0
"""What meters write where they have no distance; the model has a term for it."""


ZoneId = Annotated[
    int,
    Field(strict=True, ge=ZONE_ID_MIN, le=ZONE_ID_MAX),
    BeforeValidator(whole_number),
]
AskedVersion = Annotated[
    VersionId | None,
    Field(description="The version that shall answer; without it, or with null, the model's route decides."),
]
RequestId = Annotated[str, Field(strict=True, min_length=1, max_length=128, pattern=r"^[\x20-\x7e]+$")]


class TripRow(BaseModel):
    """The features of one prediction, by their TLC column names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    PULocationID: Annotated[ZoneId, Field(description="TLC taxi zone where the trip starts.")]
    DOLocationID: Annotated[ZoneId, Field(description="TLC taxi zone where the trip ends.")]
    trip_distance: Annotated[
        float,
        Field(
            strict=True,
            allow_inf_nan=False,
            ge=0,
            le=TRIP_DISTANCE_MAX_MILES,
            description="Distance of the trip in miles.",
        ),
    ]
    pickup_datetime: Annotated[
        LocalTime | None,
        Field(
            description="When the trip starts, ISO 8601. Without an offset it is New York local time. "
            "With it the answer is better; null is the same as nothing."
        ),
    ] = None


class TripRequest(TripRow):
    """Body of ``POST /v1/trip/predict``."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "examples": [{"request_id": "99999", "PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}]
        },
    )

    request_id: Annotated[RequestId, Field(description="The caller's own id of this request.")]
    model_version: AskedVersion = None


class TripReply(BaseModel):
    """Answer of ``POST /v1/trip/predict``: the predicted duration and what produced it."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {
                    "reply_code": 0,
                    "duration": 13.368957993050708,
                    "request_id": "99999",
                    "transaction_id": "0192f0c4-7f3a-7d5e-9a41-3c0f6f1f7a10",
                    "model_name": "trip_duration",
                    "model_version": "2021-01-boosted-485f1362",
                }
            ]
        },
    )

    reply_code: Annotated[int, Field(description="0: the prediction succeeded.")] = 0
    duration: Annotated[float, Field(description="Predicted duration of the trip in minutes.")]
    request_id: Annotated[str, Field(description="The caller's id, as sent.")]
    transaction_id: Annotated[str, Field(description="Our id of this prediction, unique (UUIDv7).")]
    model_name: Annotated[str, Field(description="The model that answered.")]
    model_version: Annotated[str, Field(description="The version of the model that answered.")]
