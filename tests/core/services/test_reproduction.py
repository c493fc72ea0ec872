from typer.testing import CliRunner

from apps.cli.__main__ import app
from core.schemas.run import RunParameters
from core.services.reproduction import reproduction

PARAMETERS = RunParameters(
    design="linear", train_months=("2020-12", "2021-01"), test_months=("2021-02",), taxis=("green", "yellow")
)


def test_every_option_that_decides_the_version_is_named() -> None:
    assert reproduction(PARAMETERS) == (
        "python -m apps.cli pipeline run --model trip_duration --design linear --taxi green --taxi yellow"
        " --train-month 2020-12 --train-month 2021-01 --test-month 2021-02 --validation-days 7"
    )


def test_the_command_line_knows_every_option() -> None:
    options = [word for word in reproduction(PARAMETERS).split() if word.startswith("--")]
    shown = CliRunner().invoke(app, ["pipeline", "run", "--help"], env={"COLUMNS": "200"}).stdout
    assert [option for option in options if option not in shown] == []
