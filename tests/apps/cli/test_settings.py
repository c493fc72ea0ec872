from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.cli.settings import command_settings
from boot.local.lock import exclusive
from config import Settings
from core.managers.local_system import LocalSystem, announce_system

BROKER = "redis://127.0.0.1:4321/0"
pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """The folder of a system that runs on the default versions."""
    models_dir = str(Settings(_env_file=None).models_dir.resolve())
    folder = tmp_path / "broker"
    with exclusive(folder):
        announce_system(folder, LocalSystem(models_dir=models_dir, broker_url=BROKER, result_backend_url=BROKER))
        yield folder


def test_a_command_speaks_to_the_system_that_runs(running: Path) -> None:
    settings = command_settings(running)

    assert (settings.broker_url, settings.result_backend_url) == (BROKER, BROKER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CELERY_BROKER_URL", "redis://elsewhere:6379/0"),
        ("CELERY_RESULT_BACKEND", "redis://elsewhere:6379/0"),
        ("REDIS_HOST", "elsewhere"),
        ("REDIS_PORT", "7000"),
    ],
)
def test_what_the_settings_name_wins(name: str, value: str, running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    settings = command_settings(running)

    assert BROKER not in (settings.broker_url, settings.result_backend_url)


def test_other_versions_are_those_of_another_system(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELS_DIR", "elsewhere")

    assert command_settings(running).broker_url == "redis://127.0.0.1:6379/0"


def test_where_no_system_runs_the_default_stands(tmp_path: Path) -> None:
    assert command_settings(tmp_path).broker_url == "redis://127.0.0.1:6379/0"
