"""``models``: the versions of the models and their routes."""

import typer

models = typer.Typer(help="Versions of the models, and who answers.", no_args_is_help=True)
