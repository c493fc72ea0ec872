"""A version as the registry knows it, and what happened to it and to the route of its model."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from core.schemas.manifest import Sha256
from core.schemas.route import Route, VersionId

ONE_LINE = r"^[^\x00-\x1f\x7f]+$"
Who = Annotated[str, Field(pattern=ONE_LINE, max_length=128, description="Who did it.")]
Why = Annotated[str, Field(pattern=ONE_LINE, max_length=1000, description="Why, in a line.")]


class VersionState(StrEnum):
    """Where a version stands. A route may name one that is approved or frozen."""

    CANDIDATE = "candidate"
    APPROVED = "approved"
    FROZEN = "frozen"
    RETIRED = "retired"


class VersionEvent(StrEnum):
    """What can happen to a version."""

    REGISTER = "register"
    APPROVE = "approve"
    FREEZE = "freeze"
    RETIRE = "retire"


class Reason(BaseModel):
    """Who wants something, and why."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"who": "ada", "why": "RMSE 5.18 on February, no slice is worse"}]},
    )

    who: Who
    why: Why


class VersionRecord(BaseModel):
    """What the registry knows of a version. Only its state ever changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    model: str
    version: VersionId
    state: VersionState
    sha256: Sha256
    """Of the artifact, as it was when the version was registered."""
    size_bytes: int
    """Of the artifact."""
    created_at: datetime
    """When it was stored, as its manifest says."""
    registered_at: datetime
    registered_by: str


class VersionChange(BaseModel):
    """An event in the life of a version."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    event: VersionEvent
    who: str
    why: str
    at: datetime


class VersionDetails(BaseModel):
    """A version with its history and its manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: VersionRecord
    events: list[VersionChange]
    """The first one first."""
    manifest: dict[str, Any]
    """As it was registered, without the golden rows."""


class RouteChange(BaseModel):
    """A change of a model's route, or one that was refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    model: str
    revision: int | None
    """Of the route that was applied; None where the change was refused."""
    route: Route | None
    """As it was from then on; None where the change was refused."""
    action: str
    """Such as ``deploy``, ``canary`` and ``rollback``."""
    who: str
    why: str
    at: datetime
    refused: str | None
    """Why nothing was changed."""
