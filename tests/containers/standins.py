"""Stand-ins for the base images, from the packages of this machine's own distribution.

Where no registry answers, the Dockerfiles and the compose project can still be tried: on a small Debian or Ubuntu with
its own Python and Redis. Where packages come from is this machine's configuration of apt and pip, and goes nowhere but
into images that are deleted.
"""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.containers.engine import Engine, EngineError, NoEngineError, unique

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
INDEXES = "$(REPO_URI)|$(RELEASE)|$(CODENAME)|$(COMPONENT)|$(ORIGIN)"
PIP_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "proxy")
BUILD_TIMEOUT_S = 900.0
PYTHON = """\
FROM {base}
RUN apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*
"""
APT_KEEPS_NOTHING = """\
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
"""
"""As in the images of the distributions: otherwise each layer that installs would be larger by what apt keeps."""
REDIS = """\
FROM {base}
RUN apt-get update && apt-get install --yes --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner 999 --group 999 /data
"""


@dataclass(frozen=True)
class StandIns:
    """The images that were made."""

    names: dict[str, str]
    system: str

    @property
    def all(self) -> tuple[str, ...]:
        """Return all names."""
        return tuple(self.names.values())


def make_standins(engine: Engine, folder: Path) -> StandIns:
    """Make images that stand for slim Python, CUDA on Ubuntu (which has no Python) and Redis.

    Raises
    ------
    NoEngineError
        If this machine cannot make any.
    """
    release = _release()
    root, prefix = folder / "root", unique("tripcast-standin")
    names = {kind: f"{prefix}-{kind}:latest" for kind in ("cuda", "python", "redis")}
    try:
        _bootstrap(root, release["VERSION_CODENAME"])
        _configure(root)
        _import(engine, root, names["cuda"])
        for kind, recipe in (("python", PYTHON), ("redis", REDIS)):
            _build(engine, folder / kind, recipe.format(base=names["cuda"]), names[kind])
    except (EngineError, OSError, subprocess.SubprocessError) as error:
        raise NoEngineError(f"no registry answers, and stand-ins cannot be made here: {error}") from error
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return StandIns(names, f"{release['NAME']} {release['VERSION_ID']}")


def _release() -> dict[str, str]:
    release = platform.freedesktop_os_release()
    if sys.platform != "linux" or release["ID"] not in {"debian", "ubuntu"}:
        raise NoEngineError("no registry answers, and stand-ins are made on Debian and Ubuntu only")
    if shutil.which("debootstrap") is None:
        raise NoEngineError("no registry answers, and debootstrap, which makes stand-ins, is not installed")
    if os.geteuid() != 0:
        raise NoEngineError("no registry answers, and only root can make stand-ins")
    return release


def _bootstrap(root: Path, codename: str) -> None:
    mirror = next(uri for uri, _, name, component in _sources() if (name, component) == (codename, "main"))
    _run("debootstrap", "--variant=minbase", "--include=ca-certificates", codename, str(root), mirror)


def _sources() -> list[tuple[str, str, str, str]]:
    """Return where this machine's distribution comes from: address, release, code name and component."""
    shown = _run("apt-get", "indextargets", "--format", INDEXES, "Created-By: Packages")
    lines = [line.split("|") for line in dict.fromkeys(shown.splitlines())]
    found = [(uri, release, name, part) for uri, release, name, part, origin in lines if origin in {"Debian", "Ubuntu"}]
    if not found:
        raise OSError("apt knows no source of this distribution: apt-get update")
    return found


def _configure(root: Path) -> None:
    """Let the image reach what this machine reaches, in the way it does."""
    for old in (root / "etc/apt/sources.list.d").iterdir():
        old.unlink()
    lines = [f"deb {uri} {release} {component}\n" for uri, release, _, component in _sources()]
    (root / "etc/apt/sources.list").write_text("".join(lines))
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check-")
    options = [line for line in _run("apt-config", "dump", "Acquire").splitlines() if line.startswith(wanted)]
    (root / "etc/apt/apt.conf.d/90host").write_text("\n".join(options) + "\n" + APT_KEEPS_NOTHING)
    if CERTIFICATES.is_file():
        shutil.copy(CERTIFICATES, root / "etc/ssl/certs/ca-certificates.crt")
    (root / "etc/pip.conf").write_text("[global]\n" + "".join(f"{line}\n" for line in _pip_options()))
    for cache in (*(root / "var/cache/apt/archives").glob("*.deb"), *(root / "var/lib/apt/lists").glob("*_*")):
        cache.unlink()


def _pip_options() -> list[str]:
    """Return this machine's settings of pip that lead to other machines."""
    shown = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    found = []
    for line in shown.stdout.splitlines():
        name, _, value = line.partition("=")
        addresses = [word for word in value.strip("'\"").split() if not word.startswith(("file:", "/"))]
        if addresses and (option := name.rpartition(".")[2]) in PIP_OPTIONS:
            found.append(f"{option} = {' '.join(addresses)}")
    return found


def _import(engine: Engine, root: Path, name: str) -> None:
    environment = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packing:  # noqa: S607
        done = subprocess.run(
            [engine.docker, "import", "--change", environment, "-", name],
            stdin=packing.stdout, env={**os.environ, **engine.environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise EngineError(done.stderr.strip())


def _build(engine: Engine, folder: Path, recipe: str, name: str) -> None:
    folder.mkdir()
    (folder / "Dockerfile").write_text(recipe)
    engine.do("build", "--quiet", "--tag", name, str(folder), timeout_s=BUILD_TIMEOUT_S)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT_S)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout
