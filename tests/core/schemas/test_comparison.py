from typing import Any

import pytest
from pydantic import ValidationError

from core.schemas.comparison import ComparisonRequest


@pytest.mark.parametrize(
    "over", [{"on": "2026-11-20"}, {"on": "2026-11-20T12:00..2026-11-21"}, {"last": 5}, {"last": 5.0}]
)
def test_a_period_or_a_number_is_one_question(over: dict[str, Any]) -> None:
    assert ComparisonRequest.model_validate({"first": "a", "second": "b", **over}).bound == 1.0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"second": "a", "last": 5}, "two different versions"),
        ({}, "a period as on, or a number as last"),
        ({"on": "2026-11-20", "last": 5}, "a period as on, or a number as last"),
        ({"on": "soon"}, "'soon' is no month, date or time"),
        ({"last": 0}, "greater than or equal to 1"),
        ({"last": True}, "valid integer"),
        ({"last": 5, "bound": -1}, "greater than or equal to 0"),
        ({"last": 5, "first": "../a"}, "match pattern"),
    ],
)
def test_what_is_no_question_is_told(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ComparisonRequest.model_validate({"first": "a", "second": "b", **wrong})
