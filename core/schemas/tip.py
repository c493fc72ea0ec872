"""A tip by card: the row that a caller sends and the answer that he gets."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.schemas.trip import AskedVersion, RequestId, ZoneId

FARE_MIN_DOLLARS = 2.5
"""What the meter shows at the start of a ride."""
FARE_MAX_DOLLARS = 500.0


class TipRow(BaseModel):
    """The features of one prediction, by their TLC column names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    PULocationID: Annotated[ZoneId, Field(description="TLC taxi zone where the trip starts.")]
    DOLocationID: Annotated[ZoneId, Field(description="TLC taxi zone where the trip ends.")]
    fare_amount: Annotated[
        float,
        Field(
            strict=True,
            allow_inf_nan=False,
            ge=FARE_MIN_DOLLARS,
            le=FARE_MAX_DOLLARS,
            description="Fare of the meter in dollars, without extras, tolls and tip.",
        ),
    ]


class TipRequest(TipRow):
    """Body of ``POST /v1/tip/predict``."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "examples": [{"request_id": "99999", "PULocationID": 130, "DOLocationID": 205, "fare_amount": 14.5}]
        },
    )

    request_id: Annotated[RequestId, Field(description="The caller's own id of this request.")]
    model_version: AskedVersion = None


class TipReply(BaseModel):
    """Answer of ``POST /v1/tip/predict``: the predicted tip as a share of the fare, and what produced it."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {
                    "reply_code": 0,
                    "tip_share": 0.19,
                    "request_id": "99999",
                    "transaction_id": "0192f0c4-7f3a-7d5e-9a41-3c0f6f1f7a11",
                    "model_name": "tip_share",
                    "model_version": "2021-01-zones",
                }
            ]
        },
    )

    reply_code: Annotated[int, Field(description="0: the prediction succeeded.")] = 0
    tip_share: Annotated[float, Field(description="Predicted tip of a card payment as a share of the fare, 0..1.")]
    request_id: Annotated[str, Field(description="The caller's id, as sent.")]
    transaction_id: Annotated[str, Field(description="Our id of this prediction, unique (UUIDv7).")]
    model_name: Annotated[str, Field(description="The model that answered.")]
    model_version: Annotated[str, Field(description="The version of the model that answered.")]
