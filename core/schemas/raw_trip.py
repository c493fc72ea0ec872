"""A trip as the TLC's files have it: what ``/v1/online/prepare`` and ``/v1/online/serve`` take.

A raw row is prepared here as the pipeline prepares the rows of a file (``core/handlers/preparation.py``): the same
columns, and the same values in the place of missing ones. A test compares the two.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from core.schemas.times import LocalTime
from core.schemas.trip import NOT_RECORDED_MILES, TRIP_DISTANCE_MAX_MILES, UNKNOWN_ZONE, RequestId, TripRow, ZoneId

_EXAMPLE: dict[str, Any] = {
    "request_id": "99999",
    "lpep_pickup_datetime": "2021-01-05T08:30:00",
    "lpep_dropoff_datetime": None,
    "PULocationID": 130,
    "DOLocationID": 205,
    "trip_distance": 3.0,
    "passenger_count": 1,
}


class RawTripRequest(BaseModel):
    """Body of the online routes: a row under the TLC's own names; columns that the model does not read are ignored.

    A trip is a green or a yellow taxi's; should a row have both times of pickup, the green one counts.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    request_id: Annotated[RequestId, Field(description="The caller's own id of this request.")]
    PULocationID: Annotated[
        ZoneId | None, Field(description="TLC taxi zone where the trip starts; null: not recorded.")
    ]
    DOLocationID: Annotated[ZoneId | None, Field(description="TLC taxi zone where the trip ends; null: not recorded.")]
    trip_distance: Annotated[
        Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=TRIP_DISTANCE_MAX_MILES)] | None,
        Field(description="Miles; null: not recorded."),
    ]
    lpep_pickup_datetime: Annotated[LocalTime | None, Field(description="When a green taxi's trip starts.")] = None
    tpep_pickup_datetime: Annotated[LocalTime | None, Field(description="When a yellow taxi's trip starts.")] = None

    def row(self) -> TripRow:
        """Prepare the row: what the model reads, with what stands for missing values."""
        return TripRow(
            PULocationID=UNKNOWN_ZONE if self.PULocationID is None else self.PULocationID,
            DOLocationID=UNKNOWN_ZONE if self.DOLocationID is None else self.DOLocationID,
            trip_distance=NOT_RECORDED_MILES if self.trip_distance is None else self.trip_distance,
            pickup_datetime=self.lpep_pickup_datetime or self.tpep_pickup_datetime,
        )


class PreparedTrip(BaseModel):
    """Answer of ``POST /v1/online/prepare``: the row as the model takes it, and what the model makes of it."""

    model_config = ConfigDict(protected_namespaces=())

    reply_code: Annotated[int, Field(description="0: the row was prepared.")] = 0
    request_id: Annotated[str, Field(description="The caller's id, as sent.")]
    transaction_id: Annotated[str, Field(description="Our id of this answer, unique (UUIDv7).")]
    model_name: Annotated[str, Field(description="The model that answered.")]
    model_version: Annotated[str, Field(description="The version of the model that answered.")]
    row: Annotated[dict[str, Any], Field(description="The row: it can be sent to `/v1/trip/predict`.")]
    features: Annotated[
        dict[str, Any], Field(description="What the model looks at, by name; null is what it takes for missing.")
    ]
