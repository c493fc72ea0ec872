"""The command line: ``python -m apps.cli <command>``."""

import gc

import typer

from apps.cli.lazy_group import lazy_group

COMMANDS = {
    "train": "apps.cli.train:train",
    "predict": "apps.cli.predict:predict",
    "pipeline": "apps.cli.runs:pipeline",
    "models": "apps.cli.models:models",
    "replay": "apps.cli.model_records:replay",
}

app = typer.Typer(cls=lazy_group(COMMANDS), no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """Tripcast's command line."""


if __name__ == "__main__":
    # What is imported stays: to look for garbage among it takes a fifth of a rollback's time. Commands that are not
    # urgent turn it on again.
    gc.disable()
    app()
