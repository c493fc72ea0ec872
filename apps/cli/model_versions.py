"""``models list``, ``show``, ``approve``, ``freeze``, ``retire``, ``push`` and ``fetch``: the versions and their states."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from apps.cli.errors import one_line_errors
from apps.cli.figures import error_of, parts_of
from apps.cli.rollout import FIRST, AsJson, Model, Who, Why, opened_rollout, reason, warn_of_a_route_left_behind
from apps.cli.settings import command_settings
from config import Settings
from core.managers.artifact_store import ArtifactStore, open_store
from core.managers.version_files import version_folder
from core.schemas.catalog import entry_of
from core.schemas.route import Route
from core.schemas.version import VersionDetails, VersionEvent, VersionRecord
from core.utilities.errors import ArtifactStoreError

Version = Annotated[str, typer.Argument(help="Id of the version.", show_default=False)]
KIBIBYTE, MEBIBYTE = 1024, 1024**2
WIDE = 104
"""Columns of a terminal in which the whole list has room; a narrower one has neither sizes nor times of day."""


def list_versions(*, model: Model = FIRST, as_json: AsJson = False) -> None:
    """List the versions of a model: their states, and what the route makes of them."""
    with one_line_errors("list"), opened_rollout() as rollout:
        name = entry_of(model).model
        known = [rollout.registry.details(name, record.version) for record in rollout.registry.versions(name)]
        route = rollout.route(name)
        warn_of_a_route_left_behind(rollout, name)
    if as_json:
        typer.echo(json.dumps([_summary(details, route) for details in known]))
        return
    from rich.console import Console  # noqa: PLC0415 (a rollback, which is imported beside this, needs no tables)
    from rich.table import Column, Table  # noqa: PLC0415

    console = Console()
    wide = console.width >= WIDE
    # What is no_wrap is cut short only once the ids have been folded to nothing.
    table = Table(Column("version", overflow="fold"), Column("state", no_wrap=True), Column("route", no_wrap=True))
    table.add_column("created (UTC)" if wide else "created", no_wrap=True)
    if wide:
        table.add_column("size", justify="right", no_wrap=True)
    table.add_column(_error_name(known).replace(" ", " " if wide else "\n", 1), justify="right", no_wrap=True)
    for details in known:
        record = details.record
        created = f"{record.created_at:%Y-%m-%d %H:%M}" if wide else f"{record.created_at:%Y-%m-%d}"
        size = [_size(record)] if wide else []
        table.add_row(
            record.version, record.state.value, role_of(record.version, route), created, *size, _error(details)
        )
    console.print(table)


def show(version: Version, *, model: Model = FIRST, as_json: AsJson = False) -> None:
    """Show a version: what it was made of, how good it is, and who did what with it, when and why."""
    with one_line_errors("show"), opened_rollout() as rollout:
        details = rollout.registry.details(entry_of(model).model, version)
        route = rollout.route(model)
    if as_json:
        content = {**details.model_dump(mode="json"), "role": role_of(version, route) or None}
        typer.echo(json.dumps(content, indent=2))
        return
    from rich.console import Console  # noqa: PLC0415 (as above)
    from rich.table import Column, Table  # noqa: PLC0415

    for name, value in _facts(details, route).items():
        typer.echo(f"{name}: {value}")
    table = Table("at (UTC)", "event", Column("who", overflow="fold"), "why")
    for event in details.events:
        table.add_row(f"{event.at:%Y-%m-%d %H:%M:%S}", event.event.value, event.who, event.why)
    Console().print(table)


def approve(version: Version, *, why: Why, who: Who = "", model: Model = FIRST) -> None:
    """Let routes name a version."""
    _change("approve", VersionEvent.APPROVE, version, model=model, who=who, why=why)


def freeze(version: Version, *, why: Why, who: Who = "", model: Model = FIRST) -> None:
    """Keep an approved version for ever: it can never be retired."""
    _change("freeze", VersionEvent.FREEZE, version, model=model, who=who, why=why)


def retire(version: Version, *, why: Why, who: Who = "", model: Model = FIRST) -> None:
    """Let no route name a version any more."""
    _change("retire", VersionEvent.RETIRE, version, model=model, who=who, why=why)


def push(version: Version, *, model: Model = FIRST) -> None:
    """Copy a version to the storage of versions; one that is there already stays."""
    with one_line_errors("push"):
        settings = command_settings()
        name = entry_of(model).model
        _store(settings).push(version_folder(settings.models_dir, name, version), name, version)
    typer.echo(f"{name} {version} is in {settings.artifact_store}")


def fetch(version: Version, *, who: Who = "", model: Model = FIRST) -> None:
    """Copy a version from the storage of versions, and check it; one that was not known is a candidate."""
    with one_line_errors("fetch"):
        settings = command_settings()
        said = reason(who, f"fetched from {settings.artifact_store}")
        folder = _store(settings).fetch(entry_of(model).model, version, settings.models_dir)
        with opened_rollout(settings) as rollout:
            # At once: what nobody has registered is taken for shipped, and so for approved.
            record = rollout.registry.register(model, version, who=said.who, why=said.why)
    typer.echo(f"{model} {version} is in {folder}, {record.state.value}")


def role_of(version: str, route: Route | None) -> str:
    """Return what a version is on a route; empty: nothing.

    Examples
    --------
    >>> role_of("b", Route(champion="a", canary={"version": "b", "share": 0.1}))
    'canary 10 %'
    """
    if route is None:
        return ""
    if route.canary is not None and version == route.canary.version:
        return f"canary {route.canary.share * 100:g} %"
    return {route.champion: "champion", route.shadow: "shadow"}.get(version, "")


def _change(command: str, event: VersionEvent, version: str, *, model: str, who: str, why: str) -> None:
    with one_line_errors(command):
        told = reason(who, why)
        with opened_rollout() as rollout:
            record = rollout.registry.change(entry_of(model).model, version, event, who=told.who, why=told.why)
    typer.echo(f"{record.model} {record.version} is {record.state.value}")


def _store(settings: Settings) -> ArtifactStore:
    store = open_store(settings.artifact_store, endpoint_url=settings.s3_endpoint_url)
    if store is None:
        raise ArtifactStoreError("ARTIFACT_STORE names no storage")
    return store


def _summary(details: VersionDetails, route: Route | None) -> dict[str, Any]:
    record = details.record
    return {
        **record.model_dump(mode="json"),
        "role": role_of(record.version, route) or None,
        "test_error": _evaluation(details.manifest),
    }


def _facts(details: VersionDetails, route: Route | None) -> dict[str, str]:
    record, manifest = details.record, details.manifest
    told = {
        "version": f"{record.model} {record.version}",
        "state": record.state.value,
        "route": role_of(record.version, route) or "not on it",
        "registered": f"{record.registered_at:%Y-%m-%d %H:%M:%S} UTC by {record.registered_by}",
        "created": f"{record.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "artifact": f"{_size(record)}, SHA-256 {record.sha256}",
        "code": manifest["code_revision"],
        "libraries": ", ".join(f"{name} {version}" for name, version in manifest["libraries"].items()),
        # What is a table or a list is for --json.
        "parameters": ", ".join(
            f"{name} {value}" for name, value in manifest["parameters"].items() if isinstance(value, str | int | float)
        ),
        "trained on": ", ".join(f"{name} ({digest[:12]})" for name, digest in manifest["training_data"].items()),
    }
    return {**{name: value for name, value in told.items() if value}, **_errors(manifest)}


def _errors(manifest: Mapping[str, Any]) -> dict[str, str]:
    figures = _evaluation(manifest)
    if figures is None:
        return {}
    name, value = error_of(figures)
    apart = ", ".join(
        f"{part}: {error_of(found)[1]:.3f}" for part, found in parts_of(figures).items() if found.get("rows")
    )
    return {f"test {name}": f"{value:.3f} on {figures['rows']:,} rows{f' ({apart})' if apart else ''}"}


def _error_name(known: Sequence[VersionDetails]) -> str:
    figures = [found for details in known if (found := _evaluation(details.manifest)) is not None]
    return f"test {error_of(figures[0])[0]}" if figures else "test error"


def _error(details: VersionDetails) -> str:
    figures = _evaluation(details.manifest)
    return "" if figures is None else f"{error_of(figures)[1]:.3f}"


def _evaluation(manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the figures of the test rows; None where a version has none, as one that was made by hand."""
    figures = manifest.get("metrics", {}).get("evaluation")
    has_error = isinstance(figures, dict) and any(name.startswith("rmse") for name in figures)
    return figures if has_error and figures.get("rows") else None


def _size(record: VersionRecord) -> str:
    mebibytes = record.size_bytes / MEBIBYTE
    return f"{mebibytes:,.1f} MiB" if mebibytes >= 1 else f"{record.size_bytes / KIBIBYTE:,.1f} KiB"
