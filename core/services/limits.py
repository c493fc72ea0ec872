"""Limits over limits: what a caller asks for wins over what a file says."""

from typing import Any, TypeVar

from pydantic import BaseModel

LimitsT = TypeVar("LimitsT", bound=BaseModel)


def override(limits: LimitsT, asked: LimitsT) -> LimitsT:
    """Return ``limits`` with the values that were explicitly given in ``asked``, however deep they lie.

    Examples
    --------
    >>> from core.schemas.quality import QualityLimits
    >>> override(QualityLimits(null_share=0.2, rows_min=5), QualityLimits(rows_min=7))
    QualityLimits(null_share=0.2, outside_share=0.01, ... rows_min=7)
    """
    return type(limits).model_validate(_merged(limits.model_dump(), asked.model_dump(exclude_unset=True)))


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {name: _merged(base[name], value) for name, value in over.items() if _are_dicts(base.get(name), value)}
    return {**base, **over, **both}


def _are_dicts(*values: object) -> bool:
    return all(isinstance(value, dict) for value in values)
