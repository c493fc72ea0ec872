"""The command line: ``python -m apps.cli <command>``."""

import typer

from apps.cli.models import models
from apps.cli.predict import predict
from apps.cli.runs import pipeline
from apps.cli.train import train

app = typer.Typer(help="Tripcast's command line.", no_args_is_help=True, add_completion=False)
app.command()(train)
app.command()(predict)
app.add_typer(pipeline, name="pipeline")
app.add_typer(models, name="models")


if __name__ == "__main__":
    app()
