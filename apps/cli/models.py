"""``models``: the versions of the models and their routes."""

import typer

from apps.cli import model_records, model_routes, model_served, model_versions

models = typer.Typer(help="Versions of the models, and who answers.", no_args_is_help=True, add_completion=False)

models.command("list")(model_versions.list_versions)
models.command()(model_versions.show)
models.command()(model_versions.approve)
models.command()(model_versions.freeze)
models.command()(model_versions.retire)
models.command()(model_versions.push)
models.command()(model_versions.fetch)

models.command()(model_routes.deploy)
models.command()(model_routes.canary)
models.command()(model_routes.stop_canary)
models.command()(model_routes.shadow)
models.command()(model_routes.promote)
models.command()(model_routes.rollback)
models.command()(model_routes.history)

models.command()(model_records.replay)
models.command()(model_records.diff)
models.command()(model_served.served)
