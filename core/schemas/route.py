"""The route of a model: which versions answer."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

VERSION_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
"""Also the name of the version's folder, so it holds no separator and does not start with a dot."""
VersionId = Annotated[str, Field(pattern=VERSION_ID)]


class Canary(BaseModel):
    """A version that answers a share of the requests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: VersionId
    share: Annotated[float, Field(gt=0, lt=1)]


class Route(BaseModel):
    """Content of ``repo/models/<model>/route.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: VersionId
    canary: Canary | None = None
    shadow: VersionId | None = None
    revision: int = 0
