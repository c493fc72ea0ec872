"""Figures of a manifest, as the commands show them."""

from collections.abc import Mapping
from typing import Any


def error_of(figures: Mapping[str, Any]) -> tuple[str, float | None]:
    """Return the name of the error with its unit, and its value; None where there were no rows.

    Examples
    --------
    >>> error_of({"rows": 2, "rmse_min": 4.5})
    ('RMSE (min)', 4.5)
    """
    name, value = next((name, value) for name, value in figures.items() if name.startswith("rmse"))
    unit = name.removeprefix("rmse").removeprefix("_")
    return f"RMSE ({unit})" if unit else "RMSE", value


def parts_of(figures: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the figures of parts of the rows, by the part's name, such as ``seen pairs``."""
    return {name.replace("_", " "): part for name, part in figures.items() if isinstance(part, dict)}
