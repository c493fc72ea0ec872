"""A raw file as it was taken in, never to change again."""

import re
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.schemas.manifest import Sha256

TRIPS_FILE = re.compile(
    r"^(?P<taxi>green|yellow)_tripdata_(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])\b.*\.(parquet|csv)$"
)
"""How the TLC names its files; ``\\b`` leaves room for parts such as ``.head``."""

Taxi = Literal["green", "yellow"]
FileFormat = Literal["parquet", "csv"]


class Snapshot(BaseModel):
    """Record of a raw file: what it is called, what it holds, where it came from and when.

    The content is named by its SHA-256, so two records may share one copy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
    sha256: Sha256
    format: FileFormat
    rows: Annotated[int, Field(ge=0)]
    size_bytes: Annotated[int, Field(ge=1)]
    source: str
    """URL or path that it was taken from."""
    ingested_at: datetime

    @model_validator(mode="after")
    def _named_as_the_tlc_does(self) -> Self:
        if TRIPS_FILE.match(self.name) is None:
            raise ValueError("a trip file is named like green_tripdata_2021-01.parquet")
        return self

    @property
    def taxi(self) -> Taxi:
        """Which taxis drove the trips."""
        return "green" if self.name.startswith("green") else "yellow"

    @property
    def month(self) -> date:
        """First day of the month that the TLC filed the trips under."""
        match = TRIPS_FILE.match(self.name)
        assert match is not None  # noqa: S101 (the validator saw to it)
        return date(int(match["year"]), int(match["month"]), 1)
