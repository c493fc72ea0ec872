"""The route of a model: which version answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

VERSION_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
"""Also the name of the version's folder, so it holds no separator and does not start with a dot."""
VersionId = Annotated[str, Field(pattern=VERSION_ID)]


class Route(BaseModel):
    """Content of ``repo/models/<model>/route.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: VersionId
