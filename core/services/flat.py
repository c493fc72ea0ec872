"""JSON values as lines of text."""

from collections.abc import Mapping
from typing import Any


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return values inside of others by their path, and lists as one text.

    Examples
    --------
    >>> flat({"limits": {"null_share": 0.01}, "taxis": ["green", "yellow"]})
    {'limits.null_share': '0.01', 'taxis': 'green, yellow'}
    """
    told: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            told |= flat(value, f"{prefix}{name}.")
        else:
            told[f"{prefix}{name}"] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return told
