"""How much may gather in a web process and travel to the workers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LineLimits:
    """Bounds of what waits and of what is under way; the defaults are those of the settings."""

    max_batch_rows: int = 512
    max_inflight_per_worker: int = 2
    max_waiting_rows: int = 10_000
    max_chunk_rows: int = 5000
    max_chunks_per_worker: int = 1
    max_waiting_chunk_rows: int = 100_000
    worker_grace_s: float = 10.0
    wait_for_workers: bool = False
    """Whether rows wait for a worker until their deadline, however long there has been none."""
