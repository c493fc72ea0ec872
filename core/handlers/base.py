"""The template that every handler fits: data in, predictions out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.schemas.manifest import GoldenRows
from core.schemas.outcome import BatchOutcome


class Predictor(Protocol):
    """What a fitted model can do, ours or a team's own.

    ``transform`` takes columns of equal length (features, and what the handler derives from them) and
    returns one float64 a row, (n_rows,). It is pure and may be called from any thread.
    """

    def transform(self, columns: Mapping[str, Any]) -> Any:  # noqa: ANN401 (anything array-like)
        """Predict the rows of ``columns``."""
        ...


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """What training leaves: the predictor, and everything that its manifest says.

    Parameters
    ----------
    predictor : Predictor
        Fitted; it is pickled into the artifact.
    label : str
        The readable start of the version id.
    training_data : dict of str to str
        SHA-256 of each training file, by file name.
    parameters, metrics : dict
        JSON values.
    golden_rows : GoldenRows
        Rows with their predictions, as ``serve`` gave them.
    artifact : bytes, optional
        The pickle that the predictor was read from: pickled anew, the same model has other bytes.
    """

    predictor: Predictor
    label: str
    training_data: dict[str, str]
    parameters: dict[str, Any]
    metrics: dict[str, Any]
    golden_rows: GoldenRows
    artifact: bytes | None = None


class Handler(Protocol):
    """Moves data between the outside and a model family. A handler is built without arguments."""

    @property
    def artifact_classes(self) -> Sequence[str]:
        """Our own classes that an artifact of this family may name, ``module.Class`` each."""
        ...

    @property
    def example(self) -> Mapping[str, list[Any]]:
        """A batch of one row that every model of this family must be able to predict."""
        ...

    def adapt(self, loaded: object) -> Predictor:
        """Turn what an artifact held into a predictor.

        Raises
        ------
        ArtifactError
            If it is nothing that this family can serve.
        """
        ...

    def train(self, *, training: Sequence[Path], evaluation: Sequence[Path], label: str) -> TrainedModel:
        """Fit to the files of ``training``, measure on those of ``evaluation``."""
        ...

    def serve(self, predictor: Predictor, columns: Mapping[str, list[Any]]) -> BatchOutcome:
        """Predict rows as they come off the wire; a row that fails, fails alone."""
        ...
