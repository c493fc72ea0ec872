"""Step ``split``: training, validation and test, by time."""

from typing import Any

from core.handlers.split import split
from core.schemas.run import first_day


def parts(
    combined: dict[str, Any], train_months: list[str], test_months: list[str], validation_days: int
) -> dict[str, Any]:
    """Mark each row with its part."""
    marked = split(
        combined["rows"],
        train_months=[first_day(month) for month in train_months],
        test_months=[first_day(month) for month in test_months],
        validation_days=validation_days,
    )
    return {"rows": marked}
