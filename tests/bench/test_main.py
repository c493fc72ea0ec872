import pytest
import typer
from typer.testing import CliRunner

from bench import __main__ as program
from bench.run import QUICK, Plan

APP = typer.Typer()
APP.command()(program.main)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Catch the plans that would be carried out."""
    caught: list[Plan] = []
    monkeypatch.setattr(program, "require_wrk", lambda: None)
    monkeypatch.setattr(program, "compare", lambda _revision, plan, **_: caught.append(plan))
    return caught


@pytest.mark.parametrize(
    ("options", "plan"),
    [
        ([], Plan()),
        (["--quick"], QUICK),
        (["--contenders", "ours,echo", "--rounds", "5"], Plan(contenders=("ours", "echo"), rounds=5)),
        (["--models", "trees", "--connections", "1,64"], Plan(models=("trees",), connections=(1, 64))),
        (["--no-dial", "--no-chunks", "--seconds", "1"], Plan(dial_per_call_us=(), bulk_rows=0, seconds=1)),
    ],
)
def test_options_change_what_is_measured(options: list[str], plan: Plan, plans: list[Plan]) -> None:
    result = CliRunner().invoke(APP, ["--base", "HEAD", *options])

    assert result.exit_code == 0, result.output
    assert plans == [plan]


@pytest.mark.parametrize("option", ["--contenders", "--models"])
def test_an_unknown_name_is_refused_with_the_known_ones(option: str, plans: list[Plan]) -> None:
    result = CliRunner().invoke(APP, [option, "nobody"])

    assert result.exit_code == 2
    assert "nobody" in result.output
    assert plans == []


def test_a_full_run_takes_three_rounds_over_all_contenders_and_connections() -> None:
    assert Plan().rounds >= 3
    assert Plan().connections == (1, 16, 64, 256)
