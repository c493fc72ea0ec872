"""What a change of a model's route is asked for with."""

from typing import Annotated

from pydantic import ConfigDict, Field

from core.schemas.numbers import Number
from core.schemas.route import VersionId
from core.schemas.version import Reason

_SAID: dict[str, str | float] = {"who": "ada", "why": "RMSE 5.18 on February, no slice is worse"}


def _config(**example: str | float) -> ConfigDict:
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [dict(example | _SAID)]})


class RouteRequest(Reason):
    """Root of the changes of a route: who wants it, and why."""


class DeployRequest(RouteRequest):
    """Let a version alone answer."""

    model_config = _config(version="2021-01-boosted-485f1362")

    version: VersionId


class CanaryRequest(RouteRequest):
    """Let a version answer a share of the requests."""

    model_config = _config(version="2021-01-boosted-485f1362", share=0.1)

    version: VersionId
    share: Annotated[Number, Field(gt=0, lt=1, description="Of the requests, between 0 and 1.")]


class StopCanaryRequest(RouteRequest):
    """Let the champion answer everything again."""

    version: Annotated[VersionId | None, Field(description="Only if this is the canary.")] = None


class ShadowRequest(RouteRequest):
    """Let a version predict the same rows unseen."""

    model_config = _config(version="2021-01-boosted-485f1362")

    version: Annotated[VersionId | None, Field(description="Null: none.")]


class PromoteRequest(RouteRequest):
    """Let the canary be the champion."""


class RollbackRequest(RouteRequest):
    """Go back: to the champion alone where a canary runs, else to the champion before."""
