"""What routers are given: the settings and the way to the workers."""

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from apps.api.early_refusal import EarlyRefusal
from apps.api.lazy_desk import LazyDesk, RunDesk, VersionDesk
from config import Settings
from core.managers.audit import Audit
from core.managers.backlog import BacklogBoard
from core.managers.comparison_board import ComparisonBoard
from core.managers.queue_client import QueueClient


class State(TypedDict):
    """Built in the lifespan, present in every request's state."""

    settings: Settings
    queue: QueueClient
    runs: LazyDesk[RunDesk]
    versions: LazyDesk[VersionDesk]
    refusal: EarlyRefusal
    audit: Audit
    backlog: BacklogBoard
    comparisons: ComparisonBoard


def get_settings(request: Request) -> Settings:
    """Return the settings of this application."""
    return cast(Settings, request.state.settings)


def get_queue(request: Request) -> QueueClient:
    """Return this process's way to the workers."""
    return cast(QueueClient, request.state.queue)


def get_runs(request: Request) -> LazyDesk[RunDesk]:
    """Return this process's way to the runs of the pipeline."""
    return cast(LazyDesk[RunDesk], request.state.runs)


def get_versions(request: Request) -> LazyDesk[VersionDesk]:
    """Return this process's way to the versions and routes."""
    return cast(LazyDesk[VersionDesk], request.state.versions)


def get_audit(request: Request) -> Audit:
    """Return what notes this process's answers."""
    return cast(Audit, request.state.audit)


def get_backlog(request: Request) -> BacklogBoard:
    """Return what knows how many rows wait everywhere."""
    return cast(BacklogBoard, request.state.backlog)


def get_comparisons(request: Request) -> ComparisonBoard:
    """Return this process's way to what compares versions."""
    return cast(ComparisonBoard, request.state.comparisons)


SettingsDep = Annotated[Settings, Depends(get_settings)]
QueueDep = Annotated[QueueClient, Depends(get_queue)]
RunsDep = Annotated[LazyDesk[RunDesk], Depends(get_runs)]
VersionsDep = Annotated[LazyDesk[VersionDesk], Depends(get_versions)]
BacklogDep = Annotated[BacklogBoard, Depends(get_backlog)]
ComparisonsDep = Annotated[ComparisonBoard, Depends(get_comparisons)]
