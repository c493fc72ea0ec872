"""The tables of the registry, beside those of the runs. ``core/managers/migrations`` creates them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKeyConstraint, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.managers.run_tables import Table, UtcDateTime


class VersionRow(Table):
    """A version; the fields are those of :class:`core.schemas.version.VersionRecord`, and its manifest."""

    __tablename__ = "versions"

    model: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(128), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    manifest: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    registered_by: Mapped[str] = mapped_column(String(128))


class VersionEventRow(Table):
    """What happened to a version; the fields are those of :class:`core.schemas.version.VersionChange`."""

    __tablename__ = "version_events"
    __table_args__ = (
        ForeignKeyConstraint(["model", "version"], ["versions.model", "versions.version"]),
        Index("ix_version_events_model_version", "model", "version"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(128))
    event: Mapped[str] = mapped_column(String(16))
    who: Mapped[str] = mapped_column(String(128))
    why: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class RouteChangeRow(Table):
    """A change of a route; the fields are those of :class:`core.schemas.version.RouteChange`."""

    __tablename__ = "route_changes"
    __table_args__ = (UniqueConstraint("model", "revision"),)
    """Of two who change the route that they both read, one does."""

    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int | None]
    route: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    action: Mapped[str] = mapped_column(String(32))
    who: Mapped[str] = mapped_column(String(128))
    why: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    refused: Mapped[str | None] = mapped_column(Text)
