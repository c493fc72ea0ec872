"""``models``: the versions of the models and their routes."""

import typer

from apps.cli.model_records import diff, replay
from apps.cli.model_served import served

models = typer.Typer(help="Versions of the models, and who answers.", no_args_is_help=True)
models.command()(replay)
models.command()(diff)
models.command()(served)
