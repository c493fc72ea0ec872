"""What the commands on versions and routes share: the rollout of this installation, and who gives the command."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from apps.cli.settings import command_settings
from config import Settings
from core.managers.version_proof import LocalProof
from core.schemas.catalog import CATALOG
from core.schemas.version import Reason
from core.utilities.errors import DataError
from core.utilities.hiding import hidden

if TYPE_CHECKING:
    from core.managers.rollout import Rollout

Model = Annotated[str, typer.Option(help="Model of the catalog.")]
Who = Annotated[str, typer.Option(help="Who wants it. [the login name]", show_default=False)]
Why = Annotated[str, typer.Option(help="Why, in a line; the history keeps it.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
FIRST = CATALOG[0].model


@contextmanager
def opened_rollout(settings: Settings | None = None, *, alone: bool = False) -> Iterator["Rollout"]:
    """Open the registry and the routes that the settings name; see :func:`core.managers.rollout.opened_rollout`."""
    # A rollback is urgent: redis-py would import OpenTelemetry's kit, where that is installed, and we measure nothing.
    with hidden("opentelemetry"):
        from core.managers.rollout import opened_rollout as opened  # noqa: PLC0415

    known = settings or command_settings()
    with opened(
        database_url=known.runs_url,
        backend_url=known.result_backend_url,
        models_dir=known.models_dir,
        proof=_proof(known),
        alone=alone,
    ) as rollout:
        yield rollout


def _proof(settings: Settings) -> LocalProof:
    """Return what stands in for a worker where none runs."""

    def fetch(model: str, version: str) -> None:
        from core.managers.artifact_store import ArtifactStore  # noqa: PLC0415 (beside a worker it is not needed)

        store = ArtifactStore(settings.artifact_store, endpoint_url=settings.s3_endpoint_url)
        store.fetch(model, version, settings.models_dir)

    return LocalProof(
        models_dir=settings.models_dir,
        allowed_classes=settings.model_allowed_classes,
        budget_mib=settings.model_memory_mib,
        fetch=fetch if settings.artifact_store else None,
    )


def warn_of_a_route_left_behind(rollout: "Rollout", model: str) -> None:
    """Say on stderr where callers are not answered by the last route that was noted."""
    route = rollout.desk.left_behind(model)
    if route is not None:
        typer.echo(
            f"the last change of {model} has not spread: {route.champion}, the champion of revision {route.revision}, "
            "answers. Unless somebody is about it just now, whoever made it was killed: make it again, or another.",
            err=True,
        )


def reason(who: str, why: str) -> Reason:
    """Return who gives the command, by default whoever is logged in, and why.

    Raises
    ------
    DataError
        If one of them is no single line, or nobody is logged in and none is named.
    """
    try:
        return Reason(who=who or getpass.getuser(), why=why)
    except ValidationError as error:
        names = sorted({f"--{item['loc'][0]}" for item in error.errors()})
        raise DataError(f"{' and '.join(names)}: one line of text is needed, and not a long one") from None
    except (KeyError, OSError, ImportError):
        raise DataError("--who is needed: this account has no login name") from None
