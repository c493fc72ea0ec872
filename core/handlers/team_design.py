"""A team's own class as a design: fitted, evaluated and registered like those of the family."""

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from core.handlers.batch import Columns
from core.handlers.design import FloatArray
from core.handlers.predictor import Predictor
from core.utilities.errors import DataError


class TeamDesign:
    """Fits a class that the operator allows.

    Parameters
    ----------
    kind : type
        Built without arguments. Its ``fit(columns, labels)`` returns a predictor, itself as a rule, and takes the columns
        that its ``transform(columns)`` will get when it serves.
    features : callable
        Of the family's handler: from raw columns to those.
    source_sha256 : str
        Of the file that holds the class: other code is another design.

    Raises
    ------
    DataError
        If the class cannot be fitted.
    """

    def __init__(
        self, kind: type, *, features: Callable[[Columns], Mapping[str, NDArray[Any]]], source_sha256: str
    ) -> None:
        if not all(callable(getattr(kind, name, None)) for name in ("fit", "transform")):
            raise DataError(f"{kind.__qualname__} has no fit(columns, labels) and transform(columns)")
        self._kind = kind
        self._features = features
        self.parameters: Mapping[str, Any] = {
            "design": f"{kind.__module__}.{kind.__qualname__}",
            "source_sha256": source_sha256,
        }

    @property
    def predictor(self) -> type:
        """The class."""
        return self._kind

    def fit(self, columns: Mapping[str, NDArray[Any]], labels: FloatArray) -> Predictor:
        """Fit an instance."""
        fitted: Predictor = self._kind().fit(self.features(columns), labels)
        return fitted

    def features(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Return what the family's handler derives for models that are not its own."""
        return self._features(columns)
