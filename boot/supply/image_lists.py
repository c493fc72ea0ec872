"""The packages of each image: its list under ``requirements/``, less what is for other systems."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("web", "worker", "worker-gpu", "pipeline")
IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.12.0",
    "python_version": "3.12",
    "sys_platform": "linux",
}
"""What the images run on, in the words of environment markers."""
_ENTRY = re.compile(r"^(?P<requirement>[A-Za-z0-9][^\\\n#]*?)(?P<hashes>(?: *\\\n +--hash=\S+)+)$", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """One entry of a list: name, pinned version, and the hashes that pip takes."""

    name: str
    version: str
    hashes: tuple[str, ...]

    def line(self) -> str:
        """Return it as one line of a requirements file."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={value}" for value in self.hashes)])


def packages_of(kind: str, *, folder: Path = ROOT / "requirements") -> list[Package]:
    """Return what the image of a kind installs.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    folder : Path
        Where the lists are.
    """
    found = []
    for entry in _ENTRY.finditer((folder / f"{kind}.txt").read_text()):
        requirement = Requirement(entry["requirement"].strip())
        if requirement.marker is None or requirement.marker.evaluate(IMAGE):
            [pin] = requirement.specifier
            found.append(Package(requirement.name, pin.version, tuple(re.findall(r"--hash=(\S+)", entry["hashes"]))))
    return found


def write_list(kind: str, folder: Path) -> Path:
    """Write the packages of an image as a requirements file and return it."""
    file = folder / f"{kind}.txt"
    file.write_text("".join(f"{package.line()}\n" for package in packages_of(kind)))
    return file
