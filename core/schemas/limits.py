"""All limits of a model family: those of its data and those of its versions."""

from pydantic import BaseModel, ConfigDict

from core.schemas.gate_limits import GateLimits
from core.schemas.quality import QualityLimits


class FamilyLimits(BaseModel):
    """Content of ``core/handlers/gates/<model>.yaml``; what is not in there has its default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quality: QualityLimits = QualityLimits()
    gate: GateLimits = GateLimits()
