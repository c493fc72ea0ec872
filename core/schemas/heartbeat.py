"""What a worker process tells about itself, twice a second."""

from pydantic import BaseModel, ConfigDict

from core.schemas.preparation import FailedLoad


class Heartbeat(BaseModel):
    """Content of a worker's heartbeat key.

    A reader believes it for as long as the key lives; ``time`` is for people.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    id: str
    """Name of the process, unique over restarts."""
    host: str
    pid: int
    queues: list[str]
    models: dict[str, list[str]]
    """The versions held, by model; the first is the one that answers when none is asked for."""
    fixed: list[str] = []
    """Models whose version its settings decide, whatever a route says."""
    failed: dict[str, list[FailedLoad]] = {}
    """What could not be loaded, by model."""
    wire: int = 1
    """The newest wire version that it understands."""
    device: str
    """Where large batches are computed: ``cpu``, or the name of a GPU, ``cuda:0 NVIDIA H200``."""
    device_batches: int = 0
    """Batches that a GPU answered."""
    device_failures: int = 0
    """Batches that a GPU failed, and the CPU answered."""
    rows_per_s: float
    """Rows predicted a second, over the last beats."""
    rows_in_hand: int
    """Rows received and not finished."""
    tasks_in_hand: list[str]
    """Ids of the tasks that were received and are not finished."""
    beat: int
    """Counts the heartbeats of this process."""
    draining: bool
    """True once the process takes no more work."""
    time: float
    """Unix seconds at the worker."""
