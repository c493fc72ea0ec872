import pytest
from typer.testing import CliRunner

from apps.cli.__main__ import COMMANDS, app


def test_every_command_is_listed_with_what_it_does() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    for command, does in (("train", "Train a model"), ("predict", "Predict every row"), ("models", "who answers")):
        assert any(command in line and does in line for line in told.stdout.splitlines()), command
    assert all(command in told.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_explains_itself(command: str) -> None:
    told = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert "completion" not in told.stdout


def test_another_command_is_refused() -> None:
    refused = CliRunner().invoke(app, ["lunch"])
    assert refused.exit_code == 2
    assert "No such command" in refused.stderr


@pytest.mark.parametrize(("misspelt", "meant"), [(["pipelin"], "pipeline"), (["models", "cannary"], "canary")])
def test_a_misspelt_command_is_recognized(misspelt: list[str], meant: str) -> None:
    refused = CliRunner().invoke(app, misspelt, env={"COLUMNS": "200"})
    assert refused.exit_code == 2
    assert f"Did you mean '{meant}'" in refused.stderr
