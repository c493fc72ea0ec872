"""The manifest of a version: everything one must know before loading it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class GoldenRows(BaseModel):
    """Rows with the predictions that the version gave when it was stored.

    A loaded version must give them again before it may serve. ``columns`` maps each feature to its
    values, all of the length of ``predictions``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, list[Any]]
    predictions: list[float]


class Manifest(BaseModel):
    """Content of ``repo/models/<model>/<version>/manifest.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    name: str
    version: str
    artifact: str
    """File name of the artifact, beside the manifest."""
    sha256: Sha256
    """Of the artifact's bytes."""
    libraries: dict[str, str]
    """Versions of the libraries that wrote the artifact."""
    feature_schema: dict[str, Any]
    """JSON schema of one row."""
    training_data: dict[str, Sha256]
    """SHA-256 of each training file, by file name."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Training parameters, filters included."""
    code_revision: str
    metrics: dict[str, Any]
    golden_rows: GoldenRows
    created_at: datetime
