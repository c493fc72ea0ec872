"""What data must be like before a model may see it, and what it was found to be."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.schemas.numbers import Number, Whole

Share = Annotated[Number, Field(ge=0.0, le=1.0)]


class QualityLimits(BaseModel):
    """The quality gate: shares of the rows of one file, 0..1, above which a run stops.

    ``docs/pipeline.md`` says what real months show; the defaults leave at least three times that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    null_share: Share = 0.01
    """Nulls in a column."""
    outside_share: Share = 0.01
    """Zones, distances and pickup times outside of their range, each."""
    dropped_by_duration: Share = 0.15
    """Trips of less than 1 or more than 60 minutes."""
    dropped_by_distance: Share = 0.05
    """Trips of less than 0 or of 100 miles and more; for yellow taxis also of 0 miles."""
    dropped_by_zone: Share = 0.01
    """Trips from or to what is no zone."""
    dropped_by_others: Share = 0.15
    """Rows that any other filter of a model drops, each."""
    rows_min: Annotated[Whole, Field(ge=1)] = 100
    """Rows that a file has at least."""

    def dropped_by(self, name: str) -> float:
        """Return the share that the filter of that name may drop."""
        return float(getattr(self, f"dropped_by_{name}", self.dropped_by_others))


class Breach(BaseModel):
    """One promise that the data broke."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    what: str
    """Column or filter, and the measure, such as ``trip_distance: share of nulls``."""
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what} is {self.found}, allowed: {self.allowed}"


class FileQuality(BaseModel):
    """What a file that passed the gate was like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    kept: int
    """Rows that pass all filters."""
    null_share: dict[str, float]
    """By column."""
    dropped_share: dict[str, float]
    """By filter, each for itself: a row may fail several."""
