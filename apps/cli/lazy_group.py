"""Groups of commands that import a command when it is asked for."""

import gc
import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command as command_of


def lazy_group(commands: Mapping[str, str]) -> type[TyperGroup]:
    """Return the class of a group, for ``typer.Typer(cls=…)``.

    Parameters
    ----------
    commands : mapping of str to str
        Name of a command -> ``module:name`` of its function or of a further ``typer.Typer``. Named and not imported: what
        one of them needs takes a second to import, and a rollback shall not wait for it.
    """

    class LazyGroup(TyperGroup):
        """Imports a command when it is asked for."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (as below)
            super().__init__(*args, **kwargs)
            # typer proposes one of these names for a misspelt command, and never takes the values.
            self.commands = dict.fromkeys(commands)  # type: ignore[assignment]

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 (typer's own types are private)
            """Return the names of the commands."""
            del ctx
            return list(commands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 (as above)
            """Return a command, or a group of them; None where there is none of that name."""
            del ctx
            if cmd_name not in commands:
                return None
            module_name, _, name = commands[cmd_name].partition(":")
            module = importlib.import_module(module_name)
            found = getattr(module, name)
            if not getattr(module, "URGENT", False):
                gc.enable()  # see __main__
            if not isinstance(found, typer.Typer):
                found = _alone(found)
            command = command_of(found)
            command.name = cmd_name
            return command

    return LazyGroup


def _alone(function: object) -> typer.Typer:
    app = typer.Typer(add_completion=False)
    app.command()(function)  # type: ignore[type-var]  # any function
    return app
