"""What a fitted model can do, ours or a team's own."""

from collections.abc import Mapping
from typing import Any, Protocol


class Predictor(Protocol):
    """A fitted model.

    ``transform`` takes columns of equal length (features, and what the handler derives from them) and
    returns one float64 a row, (n_rows,). It is pure and may be called from any thread.
    """

    def transform(self, columns: Mapping[str, Any]) -> Any:  # noqa: ANN401 (anything array-like)
        """Predict the rows of ``columns``."""
        ...
