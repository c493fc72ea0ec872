"""Step ``combine``: all files as one table."""

from typing import Any

import polars as pl


def combined(prepared: dict[str, Any]) -> dict[str, Any]:
    """Put the files' rows one after another, in the order in which they were taken in."""
    return {"rows": pl.concat(prepared.values(), how="vertical")}
