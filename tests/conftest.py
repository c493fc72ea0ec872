"""What all tests share: an environment that holds no setting of the person who runs them."""

from pathlib import Path

import pytest

from config import Settings


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
