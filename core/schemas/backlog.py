"""How many rows wait: what a web process reports of itself, and the sum that an autoscaler reads."""

from pydantic import BaseModel, ConfigDict


class RowCount(BaseModel):
    """The unanswered rows of one model in one web process."""

    model_config = ConfigDict(frozen=True)

    held: int
    """Rows that wait in the process, in no queue yet."""
    sent: int
    """Rows that were sent and have no answer yet: they are in the queue, or in a worker's hands."""


class BacklogReport(BaseModel):
    """Content of a web process's backlog key: its rows by model."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    rows: dict[str, RowCount]


class ModelBacklog(BaseModel):
    """The rows of one model that wait, in all web processes and in the queue."""

    model_config = ConfigDict(protected_namespaces=())

    queue: str
    rows_waiting: int
    """``rows_held``, and the larger of ``rows_sent`` and ``messages_queued``."""
    rows_held: int
    rows_sent: int
    messages_queued: int | None
    """Messages in the queue and its quarantine, whoever sent them; null where the broker is not Redis."""


class Backlog(BaseModel):
    """What waits in the whole installation."""

    rows_waiting: int
    """The sum over the models."""
    web_processes: int
    """How many web processes the sum is made of."""
    models: dict[str, ModelBacklog]
