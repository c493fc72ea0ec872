"""The command line: ``python -m apps.cli <command>``."""

import typer

from apps.cli.runs import cancel, compare, resume, runs, show
from apps.cli.train import train

app = typer.Typer(help="Tripcast's command line.", no_args_is_help=True, add_completion=False)
for command in (train, runs, show, resume, cancel, compare):
    app.command()(command)


if __name__ == "__main__":
    app()
