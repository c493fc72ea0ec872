"""Numbers as JSON has them: ``3`` and ``3.0`` are the same one, ``"3"`` and ``true`` are none."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def whole_number(value: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Turn ``3.0`` into ``3``: JSON has one number type, so both spell the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, Field(strict=True), BeforeValidator(whole_number)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
