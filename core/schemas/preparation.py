"""What the workers are asked to load before a route names it, and what became of it."""

from pydantic import BaseModel, ConfigDict

from core.schemas.route import VersionId


class Preparation(BaseModel):
    """Versions of a model to load; ``nonce`` names the asking, so that what failed before is tried again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    nonce: str
    versions: tuple[VersionId, ...]


class FailedLoad(BaseModel):
    """Why a worker could not load a version, and who had asked for it last."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    reason: str
    nonce: str
