"""What the recorder wrote of a load: who answered, and which answers have their shadow."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from bench.verdict import unsteady
from bench.versions import MODEL
from core.managers.records import STREAM
from core.schemas.record import Role

if TYPE_CHECKING:
    import polars as pl

QUIET_S = 5.0
"""Nothing more comes after so long without a new record: several times what gathers on the way."""
LONGEST_S = 180.0
POLL_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Shadows:
    """How complete the shadow's records are."""

    answered: int
    """Answers that callers got, at least."""
    recorded: int
    """Of them in the files."""
    shadowed: int
    """Of those recorded, with exactly one record of the shadow."""
    unsteady: int
    """Request ids that two versions answered."""

    @property
    def dropped(self) -> int:
        """Answers that the shadow never saw; what callers no longer waited for may outweigh a few of them."""
        return max(0, self.answered - self.shadowed)


def wait_until_written(folder: Path, broker_url: str) -> "pl.DataFrame":
    """Return all records once no more come."""
    client = redis.Redis.from_url(broker_url)
    give_up = time.monotonic() + LONGEST_S
    files, changed_at = 0, time.monotonic()
    try:
        while time.monotonic() < min(give_up, changed_at + QUIET_S):
            now = len(list(folder.glob("**/*.parquet")))
            if now != files or client.xlen(STREAM):
                files, changed_at = now, time.monotonic()
            time.sleep(POLL_S)
    finally:
        client.close()
    return read_records(folder)


def read_records(folder: Path) -> "pl.DataFrame":
    """Return the records of the model below a folder: ids, version, role."""
    import polars as pl  # noqa: PLC0415 (only where there are records)

    columns = ["request_id", "transaction_id", "version", "role"]
    files = sorted(folder.glob(f"model={MODEL}/**/*.parquet"))
    if not files:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return pl.read_parquet(files, columns=columns, hive_partitioning=False)


def shadows_of(records: "pl.DataFrame", *, answered: int, transactions: Collection[str] | None = None) -> Shadows:
    """Compare the answers' records with the shadow's; with ``transactions`` only of those answers."""
    import polars as pl  # noqa: PLC0415 (as above)

    if transactions is not None:
        records = records.filter(pl.col("transaction_id").is_in(list(transactions)))
    served = records.filter(pl.col("role") != Role.SHADOW.value)
    once = (
        records.filter(pl.col("role") == Role.SHADOW.value).group_by("transaction_id").len().filter(pl.col("len") == 1)
    )
    return Shadows(
        answered=answered,
        recorded=served.height,
        shadowed=served.join(once, on="transaction_id", how="semi").height,
        unsteady=unsteady(list(zip(served["request_id"], served["version"], strict=True))),
    )
