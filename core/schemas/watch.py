"""A file of a watched place, as it was last seen."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class WatchedFile(BaseModel):
    """What is known of one file; a change of its mark makes it a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    path: str
    """Path or URL."""
    mark: str
    """Size and time of its last change, or what the server says of both."""
    since: datetime
    """When it was first seen with this mark."""
    done_at: datetime | None
    """When it was taken in, or refused."""
    sha256: str | None
    """Of its content, where it was taken in."""
    error: str | None
    """Why it was refused."""
