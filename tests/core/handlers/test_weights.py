from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from core.handlers.weights import LARGEST, weight_shift


class Silent:
    def transform(self, columns: Mapping[str, Any]) -> Any:
        return columns


@dataclass
class Linear(Silent):
    coefficients: dict[str, float]

    def weights(self) -> Mapping[str, float]:
        return self.coefficients


class Other(Linear):
    pass


def test_the_shift_is_relative_to_the_champions_weights() -> None:
    shift = weight_shift(Linear({"a": 3.0, "b": 5.5, "new": 1.0}), Linear({"a": 3.0, "b": 4.0, "old": 9.0}))
    assert shift is not None
    assert (shift.shared, shift.appeared, shift.vanished) == (2, 1, 1)
    assert shift.relative_shift == pytest.approx(1.5 / 5)
    assert shift.largest == {"b": 1.5}


def test_only_the_weights_that_moved_furthest_are_named() -> None:
    ours = {f"w{number}": float(number) for number in range(50)}
    shift = weight_shift(Linear(ours), Linear(dict.fromkeys(ours, 0.0)))
    assert shift is not None
    assert list(shift.largest.values()) == [float(number) for number in range(49, 49 - LARGEST, -1)]
    assert shift.relative_shift > 0


@pytest.mark.parametrize("other", [Other({"a": 1.0}), Silent()])
def test_models_of_different_kinds_are_not_compared(other: Any) -> None:
    assert weight_shift(Linear({"a": 1.0}), other) is None


def test_models_that_tell_no_weights_are_not_compared() -> None:
    assert weight_shift(Silent(), Silent()) is None
