"""Base images of a registry that gives some and not others: stand-ins are used, and nothing that was pulled stays."""

import shlex
from pathlib import Path

import pytest

from tests.containers import bases as module
from tests.containers.bases import base_images, default_names
from tests.containers.engine import Engine, NoEngineError

CLIENT = """#!/bin/sh
echo "$@" >>{calls}
case "$1 $2" in
    "image inspect") exit 1 ;;
    "pull --quiet") case "$3" in nvidia/*) {fate} ;; esac ;;
    "build "*) echo no build >&2; exit 1 ;;
esac
"""


@pytest.mark.parametrize("fate", ["exit 1", pytest.param("exec sleep 60", marks=pytest.mark.slow)])
def test_what_was_pulled_goes_again_where_another_cannot_be_had(
    fate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PULL_TIMEOUT_S", 10.0)
    # Stand-ins are another matter, and take a minute.
    monkeypatch.setattr(module, "make_standins", _refused)
    calls, client = tmp_path / "calls", tmp_path / "docker"
    client.write_text(CLIENT.format(calls=shlex.quote(str(calls)), fate=fate))
    client.chmod(0o755)
    engine = Engine(docker=str(client), own=False, environment={})

    with pytest.raises(NoEngineError), base_images(engine, tmp_path):
        pass

    assert calls.read_text().splitlines()[-1] == f"image rm {default_names()['python']}"


def _refused(engine: Engine, folder: Path) -> None:
    raise NoEngineError(f"{engine.docker} makes none in {folder}")
