"""What is in the images that `make images` built, and what their containers cannot do."""

import pytest

from tests.boot.docker.tools import image, run_in

KINDS = ("web", "worker", "pipeline")
HAS = "import importlib.util, sys; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"


def test_the_web_image_holds_no_model_library() -> None:
    done = run_in(image("web"), "python", "-c", HAS, "sklearn", "numpy", "scipy", "polars", "pip", "fastapi")
    assert done.stdout == "['fastapi']\n"


def test_the_web_image_holds_no_command_that_it_could_not_run() -> None:
    done = run_in(image("web"), "python", "-c", HAS, "apps.cli", "apps.recorder", "apps.api")
    assert done.stdout == "['apps.api']\n"


def test_the_worker_image_holds_no_pipeline_library() -> None:
    done = run_in(image("worker"), "python", "-c", HAS, "duckdb", "polars", "mlflow", "sqlalchemy", "pip", "sklearn")
    assert done.stdout == "['sklearn']\n"


@pytest.mark.parametrize("kind", KINDS)
def test_no_image_holds_a_secret_or_the_tests(kind: str) -> None:
    code = "from pathlib import Path; print([p.as_posix() for p in Path('.').rglob('*') if p.name in {'.env', '.git', 'k8s', 'tests'}])"
    done = run_in(image(kind), "python", "-c", code)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_container_can_write_nowhere_but_to_its_volumes(kind: str) -> None:
    code = """
import os
refused = []
for folder in ("/", "/app", "/etc", "/opt/venv", "/usr/local", "/var", "/home"):
    try:
        open(os.path.join(folder, "written"), "w").close()
    except OSError:
        refused.append(folder)
open("/logs/written", "w").close()
print(os.getuid(), len(refused))
"""
    done = run_in(image(kind), "python", "-c", code, options=("--mount", "type=volume,target=/logs"))
    assert (done.stdout, done.stderr) == ("10001 7\n", "")
