"""The route of a model: which versions answer, and with what share."""

import math
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

VERSION_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
"""Also the name of the version's folder, so it holds no separator and does not start with a dot."""
VersionId = Annotated[str, Field(pattern=VERSION_ID)]


class Canary(BaseModel):
    """A version that answers a share of the requests; who asks with the same request id is answered by the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: VersionId
    share: Annotated[float, Field(gt=0, lt=1, description="Of the requests, between 0 and 1.")]

    @cached_property
    def salt(self) -> bytes:
        """What comes before a request id where it is hashed: another canary is another sample of the ids."""
        return f"{self.version} ".encode()

    @cached_property
    def bound(self) -> bytes:
        """The hash that is the first outside the share, (8,), big-endian."""
        return math.ceil(self.share * 2**64).to_bytes(8)


class Route(BaseModel):
    """Content of ``repo/models/<model>/route.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: Annotated[VersionId, Field(description="Answers unless something else is said.")]
    canary: Annotated[Canary | None, Field(description="Answers a share of the requests.")] = None
    shadow: Annotated[VersionId | None, Field(description="Predicts the same rows; its answers are only kept.")] = None
    revision: Annotated[int, Field(ge=0, description="Counts the changes of this model's route.")] = 0

    @model_validator(mode="after")
    def _each_has_one_part(self) -> Self:
        if len(self.versions) < 1 + (self.canary is not None) + (self.shadow is not None):
            raise ValueError("champion, canary and shadow must be different versions")
        return self

    @cached_property
    def answering(self) -> tuple[str, ...]:
        """The versions whose answers callers get, the champion first."""
        return (self.champion, self.canary.version) if self.canary else (self.champion,)

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """All versions that it names, the champion first."""
        named = (*self.answering, self.shadow) if self.shadow else self.answering
        return tuple(dict.fromkeys(named))
