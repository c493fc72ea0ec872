"""``python -m boot.supply.audit [--strict]``: which packages of the images have known vulnerabilities.

pip-audit asks the package index, by the names and versions of the lists. A report says how many packages the index knew:
a mirror without the index's JSON interface knows none, for which pip-audit says "no known vulnerabilities found".
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boot.supply.image_lists import KINDS, write_list

TIMEOUT_S = 60.0
REQUEST_TIMEOUT_S = 5


@dataclass(frozen=True)
class Report:
    """What is known of one list."""

    kind: str
    packages: int
    audited: int
    """Packages that the index knew."""
    found: tuple[str, ...]
    """One line a vulnerability."""
    trouble: str = ""
    """Why nothing could be asked."""

    @property
    def complete(self) -> bool:
        """Whether every package was asked about."""
        return not self.trouble and self.audited == self.packages

    def lines(self) -> list[str]:
        """Return it for people."""
        if self.trouble:
            return [f"pip-audit: {self.kind}: not audited: {self.trouble}"]
        if not self.audited:
            return [f"pip-audit: {self.kind}: not audited: the index tells nothing of any of {self.packages} packages"]
        head = f"pip-audit: {self.kind}: {len(self.found)} known vulnerabilities in {self.audited} packages"
        if not self.complete:
            head += f"; {self.packages - self.audited} of {self.packages} could not be audited"
        return [head, *(f"pip-audit: {self.kind}: {line}" for line in self.found)]


def read_report(kind: str, output: str) -> Report:
    """Return what pip-audit's JSON says.

    Raises
    ------
    ValueError
        If it is none.
    """
    packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    asked = [package for package in packages if "vulns" in package]
    found = tuple(
        f"{package['name']} {package['version']}: {', '.join([flaw['id'], *flaw.get('aliases', ())])}"
        f" (mended in {', '.join(flaw['fix_versions']) or 'no version'})"
        for package in asked
        for flaw in package["vulns"]
    )
    return Report(kind, packages=len(packages), audited=len(asked), found=found)


def audit(kind: str) -> Report:
    """Ask about the packages of one image; never raises for want of an answer."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(write_list(kind, Path(scratch)))),
            *("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"),
            *("--timeout", str(REQUEST_TIMEOUT_S), "--cache-dir", str(Path(scratch) / "cache")),
        ]
        try:
            done = subprocess.run(  # noqa: S603 (all our own words)
                command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            return Report(kind, 0, 0, (), trouble=f"no answer within {TIMEOUT_S:.0f} s")
    try:
        return read_report(kind, done.stdout)
    except (ValueError, KeyError):
        words = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        # The error's own name; what follows may hold addresses.
        return Report(kind, 0, 0, (), trouble=words[-1].partition(":")[0])


def main(arguments: list[str]) -> int:
    """Report on all images; 0 unless ``--strict`` is given and something was found, or could not be asked."""
    reports = [audit(kind) for kind in KINDS]
    for report in reports:
        sys.stdout.write("".join(f"{line}\n" for line in report.lines()))
    clean = all(report.complete and not report.found for report in reports)
    return 0 if clean or "--strict" not in arguments else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
