"""One execution of the training pipeline: what it was asked to do."""

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.schemas.catalog import TRIP_DURATION
from core.schemas.gate_limits import GateLimits
from core.schemas.numbers import Whole
from core.schemas.quality import QualityLimits
from core.schemas.route import VersionId
from core.schemas.snapshot import Taxi


class RunState(StrEnum):
    """Where a run stands; while it runs, and where it failed, it has a step too."""

    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"


class RunEvent(StrEnum):
    """What can happen to a run."""

    START = "start"
    REQUEUE = "requeue"
    FAIL = "fail"
    SUCCEED = "succeed"
    CANCEL = "cancel"


Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="Like 2021-01.")]


Until = Literal["ingest", "prepare", "split"]
"""Steps that a run may end after: with the raw files taken in, with rows that a model may learn from, and with those parted."""


class RunRequest(BaseModel):
    """What a run is asked to do: which months to train on, which to test on, and what must hold."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"train_months": ["2021-01"], "test_months": ["2021-02"]}]},
    )

    model: Annotated[str, Field(description="Name of the model.", min_length=1, max_length=64)] = TRIP_DURATION.model
    design: Annotated[
        str | None, Field(description="How the model is built; default: the model's first design.", max_length=128)
    ] = None
    taxis: Annotated[tuple[Taxi, ...], Field(min_length=1)] = ("green",)
    train_months: Annotated[tuple[Month, ...], Field(min_length=1)]
    test_months: tuple[Month, ...] = ()
    """At least one, unless the run ends before it trains."""
    until: Annotated[Until | None, Field(description="Step that the run ends after; default: the last one.")] = None
    validation_days: Annotated[Whole, Field(ge=0, le=28)] = 7
    limits: QualityLimits = QualityLimits()
    gate: GateLimits = GateLimits()
    version: VersionId | None = None
    """Name of the new version; default: the months and a hash."""

    @model_validator(mode="after")
    def _tests_come_after_training(self) -> Self:
        if not self.test_months and self.until is None:
            raise ValueError("a run that trains needs test_months")
        if self.test_months and max(self.train_months) >= min(self.test_months):
            raise ValueError("every test month must lie after every training month")
        return self

    @property
    def has_team_design(self) -> bool:
        """Whether the design is a team's own class, ``module.Class``."""
        return self.design is not None and "." in self.design


class IngestRequest(RunRequest):
    """A run that only takes in the raw files of the months."""

    until: Literal["ingest"] = "ingest"


class PrepareRequest(RunRequest):
    """A run that ends with trips that a model may learn from."""

    until: Literal["prepare"] = "prepare"


class RunParameters(RunRequest):
    """Parameters of a run, fixed when it is created."""

    champion: VersionId | None = None
    """Version to compare with; the one that answered when the run was created."""
    data: tuple[Path, ...] = ()
    """Files and folders that hold all the months; without any they come from the raw store, or are downloaded."""

    @property
    def label(self) -> str:
        """The readable start of the version's id."""
        months = sorted(self.train_months)
        return months[0] if len(months) == 1 else f"{months[0]}-to-{months[-1]}"


class StepRecord(BaseModel):
    """One try at one step of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    step: str
    attempt: int
    """Of the run: 1 at first, one more at each resumption."""
    input_sha256: str
    """Hash over everything that went in."""
    output_sha256: str | None
    """None while it runs, and where it did not end."""
    reused: bool
    """Its output was there already."""
    started_at: datetime
    finished_at: datetime | None


class Run(BaseModel):
    """A run as it stands."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    id: str
    state: RunState
    step: str | None
    """The step that it is at, or failed at."""
    parameters: RunParameters
    for_worker: bool
    """A worker of the pipeline shall execute it; else it is the command's that created it."""
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    """Why it failed."""
    version: str | None
    """What it registered."""
    owner: str | None
    """The process that runs it, or ran it last."""
    lease_until: datetime | None
    """When another process may take it over, if the owner does not renew."""
    steps: tuple[StepRecord, ...] = ()


def first_day(month: str) -> date:
    """Return the first day of a month like ``2021-01``."""
    return date.fromisoformat(f"{month}-01")
