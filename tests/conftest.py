"""What all tests share: an environment that holds no setting of the person who runs them."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from config import Settings

if not os.environ.get("CI"):  # there hypothesis loads a profile of its own, without deadlines too
    settings.register_profile("tripcast", deadline=None)
    settings.load_profile("tripcast")

TESTS = Path(__file__).resolve().parent
WITH_PROCESSES = ("apps", "bench", "boot", "chaos/test_recovery.py", "core/managers", "e2e", "tasks")
"""Tests of real processes, which a machine that stalls can fail. Faults under load are not among them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests of real processes a second try where ``SECOND_TRY`` is set: docs/adr/0011."""
    if os.environ.get("SECOND_TRY"):
        folders = tuple(TESTS / name for name in WITH_PROCESSES)
        for item in items:
            if any(item.path.is_relative_to(folder) for folder in folders):
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    # It takes seconds, and a database beside the data; tests of it turn it on.
    monkeypatch.setenv("TRACKING", "off")


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, where no ``.env`` is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
