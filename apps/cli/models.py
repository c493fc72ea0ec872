"""``models``: the versions of the models and their routes."""

import typer

from apps.cli.lazy_group import lazy_group

URGENT = True
"""Of the commands below, some are: each of their modules says."""
_FUNCTIONS = {
    "apps.cli.model_versions": ("list_versions", "show", "approve", "freeze", "retire", "push", "fetch"),
    "apps.cli.model_routes": ("deploy", "canary", "stop_canary", "shadow", "promote", "rollback", "history"),
    "apps.cli.model_records": ("replay", "diff"),
    "apps.cli.model_served": ("served",),
}
COMMANDS = {
    name.removesuffix("_versions").replace("_", "-"): f"{module}:{name}"
    for module, names in _FUNCTIONS.items()
    for name in names
}

models = typer.Typer(cls=lazy_group(COMMANDS), no_args_is_help=True, add_completion=False)


@models.callback()
def main() -> None:
    """Versions of the models, and who answers."""
