"""How a command ends that cannot do what it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from core.utilities.errors import TripcastError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as of a shell."""
IS_IT_RUNNING = "start the system (make run), or name its broker by CELERY_BROKER_URL"
"""What to do where nothing answers."""


@contextmanager
def one_line_errors(command: str) -> Iterator[None]:
    """End the command with one line on stderr where the project raises an error."""
    try:
        yield
    except TripcastError as error:
        # Not through rich: it would break the one line to the terminal's width.
        typer.echo(f"{command}: {error}", err=True)
        raise typer.Exit(1) from None
