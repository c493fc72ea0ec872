"""Which engine is used, and what one of our own that cannot start leaves behind: nothing."""

import os
from pathlib import Path

import pytest

from tests.containers.engine import FOLDERS, Engine, EngineError, NoEngineError, any_engine
from tests.containers.host import Host

SAYS_WHY = "#!/bin/sh\necho no room here >&2\nexit 1\n"


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder of programs that is on the PATH beside the system's shell."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_client_without_an_engine_does_not_count(folder: Path) -> None:
    write_program(folder / "docker", SAYS_WHY)
    with pytest.raises(NoEngineError, match="dockerd is not installed"), any_engine(folder / "log"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root would start an engine")
def test_an_engine_that_cannot_start_says_why_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.containers.engine.NEEDED_BYTES", 0)
    host, before = Host.now(), set(FOLDERS.glob("tripcast-engine-*"))
    write_program(folder / "docker", SAYS_WHY)
    write_program(folder / "dockerd", SAYS_WHY)
    with pytest.raises(NoEngineError, match="does not start here: no room here"), any_engine(folder / "log"):
        pass
    assert host.changes() == []
    assert set(FOLDERS.glob("tripcast-engine-*")) == before


def test_an_engine_that_answers_is_used(folder: Path) -> None:
    write_program(folder / "docker", "#!/bin/sh\nexit 0\n")
    with any_engine(folder / "log") as engine:
        assert not engine.own


def test_an_engine_that_does_not_answer_is_told_as_trouble_with_it(tmp_path: Path) -> None:
    """As any other refusal, which the report counts as a failure."""
    write_program(tmp_path / "docker", "#!/bin/sh\nexec sleep 60\n")
    engine = Engine(docker=str(tmp_path / "docker"), own=False, environment={})
    with pytest.raises(EngineError, match=r"docker ps: takes longer than 0\.5 s"):
        engine.do("ps", timeout_s=0.5)


def test_the_network_of_an_engine_is_nobody_elses() -> None:
    address, _, bits = Host.now().free_network().partition("/")
    assert address.split(".")[0] == "10"
    assert bits == "24"
