"""What the commands on versions and routes share: the rollout of this installation, and who gives the command."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from config import Settings, load_settings
from core.managers.artifact_store import open_store
from core.managers.version_proof import LocalProof
from core.schemas.catalog import CATALOG
from core.schemas.version import Reason
from core.utilities.errors import DataError

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
    # SQLAlchemy takes a quarter of a second to import, and other commands live without it.
    from core.managers.rollout import opened_rollout as opened  # noqa: PLC0415

    known = settings or load_settings()
    store = open_store(known.artifact_store, endpoint_url=known.s3_endpoint_url)
    proof = LocalProof(
        models_dir=known.models_dir,
        allowed_classes=known.model_allowed_classes,
        budget_mib=known.model_memory_mib,
        fetch=None if store is None else lambda model, version: store.fetch(model, version, known.models_dir),
    )
    with opened(
        database_url=known.runs_url,
        backend_url=known.result_backend_url,
        models_dir=known.models_dir,
        proof=proof,
        alone=alone,
    ) as rollout:
        yield rollout


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
