"""``python -m boot.supply.sbom [folder]``: a bill of materials of each image, CycloneDX JSON.

It names the Python packages with their versions and hashes. What the base image brings is in the base image's own.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from boot.supply.image_lists import KINDS, ROOT, write_list

FOLDER = ROOT / "build" / "sbom"
SPECIFICATION = "1.6"


def write_sbom(kind: str, folder: Path) -> Path:
    """Write the bill of materials of one image and return its file; the tool validates what it writes.

    Raises
    ------
    subprocess.CalledProcessError
        If the tool fails.
    """
    file = folder / f"tripcast-{kind}.cdx.json"
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            *(sys.executable, "-m", "cyclonedx_py", "requirements", str(write_list(kind, Path(scratch)))),
            *("--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"),
            *("--output-format", "JSON", "--spec-version", SPECIFICATION, "--output-reproducible"),
            *("--output-file", str(file), "--validate"),
        ]
        # It warns that a list does not say who depends on whom.
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        subprocess.run(command, check=True, env=environment)  # noqa: S603 (all our own words)
    return file


def main(arguments: list[str]) -> int:
    """Write all of them."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        sys.stdout.write(f"{write_sbom(kind, folder)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
