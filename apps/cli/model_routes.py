"""``models deploy``, ``canary``, ``shadow``, ``promote``, ``rollback`` and their like: who answers.

A rollback is urgent: nothing is imported here that the change itself does not need.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.errors import IS_IT_RUNNING, one_line_errors
from apps.cli.rollout import FIRST, AsJson, Model, Who, Why, opened_rollout, reason, warn_of_a_route_left_behind
from apps.cli.settings import command_settings
from core.schemas.catalog import entry_of
from core.schemas.route import Route
from core.schemas.version import Reason, RouteChange
from core.utilities.errors import BoardUnavailableError, DataError
from core.utilities.urls import redact_url

if TYPE_CHECKING:
    from core.managers.route_desk import RouteDesk

URGENT = True
"""These commands are short, and somebody waits for them: they run without looking for garbage."""
Version = Annotated[str, typer.Argument(help="Id of the version.", show_default=False)]


def deploy(version: Version, *, why: Why, who: Who = "", model: Model = FIRST) -> None:
    """Let a version alone answer for its model."""
    _change("deploy", model, who, why, lambda desk, said: desk.deploy(model, version, who=said.who, why=said.why))


def canary(
    version: Version,
    *,
    share: Annotated[float, typer.Option(help="Of the requests, between 0 and 1.")],
    why: Why,
    who: Who = "",
    model: Model = FIRST,
) -> None:
    """Let a version answer a share of the requests, always the same ones."""
    _change(
        "canary", model, who, why, lambda desk, said: desk.canary(model, version, share, who=said.who, why=said.why)
    )


def stop_canary(*, why: Why = "stop-canary", who: Who = "", model: Model = FIRST) -> None:
    """Let the champion answer everything again."""
    _change("stop-canary", model, who, why, lambda desk, said: desk.stop_canary(model, who=said.who, why=said.why))


def shadow(
    version: Annotated[str, typer.Argument(help="Id of the version.", show_default=False)] = "",
    *,
    off: Annotated[bool, typer.Option("--off", help="End it.")] = False,
    why: Why,
    who: Who = "",
    model: Model = FIRST,
) -> None:
    """Let a version predict what the others answer, unseen by callers."""

    def change(desk: "RouteDesk", said: Reason) -> RouteChange:
        if off == bool(version):
            raise DataError("either a version or --off")
        return desk.shadow(model, version or None, who=said.who, why=said.why)

    _change("shadow", model, who, why, change)


def promote(*, why: Why, who: Who = "", model: Model = FIRST) -> None:
    """Let the canary be the champion."""
    _change("promote", model, who, why, lambda desk, said: desk.promote(model, who=said.who, why=said.why))


def rollback(*, why: Why = "rollback", who: Who = "", model: Model = FIRST) -> None:
    """Go back: to the champion alone where a canary runs, else to the champion before."""
    _change("rollback", model, who, why, lambda desk, said: desk.rollback(model, who=said.who, why=said.why))


def history(
    *,
    model: Model = FIRST,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List the last changes of a route, also those that were refused, the newest first."""
    with one_line_errors("history"), opened_rollout() as rollout:
        changes = rollout.history.changes(entry_of(model).model, limit=limit)
        warn_of_a_route_left_behind(rollout, model)
    if as_json:
        typer.echo(json.dumps([change.model_dump(mode="json") for change in changes]))
        return
    from rich.console import Console  # noqa: PLC0415 (see above)
    from rich.table import Column, Table  # noqa: PLC0415

    # What is no_wrap keeps its width; the others are folded, an id as well, and nothing is cut off.
    table = Table(Column("at (UTC)", no_wrap=True), Column("revision", justify="right"))
    for name in ("change", "who", "why", "route"):
        table.add_column(name, overflow="fold")
    for change in changes:
        revision = "" if change.revision is None else str(change.revision)
        told = f"refused: {change.refused}" if change.route is None else told_route(change.route)
        table.add_row(f"{change.at:%Y-%m-%d %H:%M:%S}", revision, change.action, change.who, change.why, told)
    Console().print(table)


def told_route(route: Route) -> str:
    """Return a route in words.

    Examples
    --------
    >>> told_route(Route(champion="a", canary={"version": "b", "share": 0.1}, shadow="c"))
    'champion a, canary b (10 %), shadow c'
    """
    canary = f", canary {route.canary.version} ({route.canary.share * 100:g} %)" if route.canary else ""
    return f"champion {route.champion}{canary}{f', shadow {route.shadow}' if route.shadow else ''}"


def _change(command: str, model: str, who: str, why: str, change: Callable[["RouteDesk", Reason], RouteChange]) -> None:
    with one_line_errors(command):
        entry_of(model)
        said = reason(who, why)
        settings = command_settings()
        with opened_rollout(settings) as rollout:
            try:
                changed = change(rollout.desk, said)
            except BoardUnavailableError as error:
                # The history has the first half of it: addresses are for who gives the command.
                where = redact_url(settings.result_backend_url)
                raise BoardUnavailableError(f"{error} at {where}; {IS_IT_RUNNING}") from error
    assert changed.route is not None  # noqa: S101 (a change that is not refused has one)
    typer.echo(f"{model}, revision {changed.revision}: {told_route(changed.route)}")
