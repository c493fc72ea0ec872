import pytest
from pydantic import ValidationError

from core.schemas.problem import Problem

EXAMPLE = Problem.model_json_schema()["examples"][0]


def test_the_example_of_the_schema_is_valid() -> None:
    assert Problem.model_validate(EXAMPLE).model_dump(exclude_unset=True) == EXAMPLE


@pytest.mark.parametrize("member", EXAMPLE)
def test_each_member_of_the_contract_is_required(member: str) -> None:
    with pytest.raises(ValidationError, match=f"{member}\n  Field required"):
        Problem.model_validate({name: value for name, value in EXAMPLE.items() if name != member})
