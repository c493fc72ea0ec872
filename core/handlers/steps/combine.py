"""Step ``combine``: all files as one table."""

from typing import Any

import polars as pl

from core.handlers.base import BaseHandler


def combined(handler: BaseHandler, prepared: dict[str, Any]) -> dict[str, Any]:
    """Put the files' rows one after another, in the order in which they were taken in, and derive what follows."""
    return {"rows": handler.transform(pl.concat(prepared.values(), how="vertical"))}
