"""A run as the experiment tracking keeps it."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class TrackedRun(BaseModel):
    """What is written about a run that ended; a run that was resumed is written again over the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: Path
    """SQLite file."""
    experiment: str
    """The model."""
    run_id: str
    name: str
    succeeded: bool
    started_at: datetime
    finished_at: datetime
    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
