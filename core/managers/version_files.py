"""The files of a version and of a route: read with care, written whole. No library of a model is needed for that."""

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from core.schemas.manifest import Manifest
from core.schemas.route import VERSION_ID, Route
from core.utilities.errors import ArtifactError, ArtifactIntegrityError, UnknownVersionError
from core.utilities.hashing import sha256_of_file

ModelT = TypeVar("ModelT", bound=BaseModel)

MANIFEST = "manifest.json"
ROUTE = "route.json"
FETCHED = ".fetched"
"""Lies in the folder of a version that came from the storage: nobody on this machine vouches for it."""
_MODEL = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VERSION = re.compile(VERSION_ID)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a version's folder.

    Raises
    ------
    ArtifactError
        If it is missing or invalid.
    """
    return _parse(Manifest, inside(folder, MANIFEST))


def version_folder(models_dir: Path, model: str, version: str) -> Path:
    """Return the folder that a version has if it is there.

    Raises
    ------
    UnknownVersionError
        If model or version are no names of folders.
    """
    if not _MODEL.fullmatch(model) or not _VERSION.fullmatch(version):
        raise UnknownVersionError("there is no such version")
    return models_dir / model / version


def stored_models(models_dir: Path) -> list[str]:
    """Return the names of the models that have a folder, in order."""
    return [path.name for path in _folders(models_dir) if _MODEL.fullmatch(path.name)]


def stored_versions(models_dir: Path, model: str) -> list[Path]:
    """Return the folders of a model that look like versions, in order."""
    folders = _folders(models_dir / model) if _MODEL.fullmatch(model) else []
    return [path for path in folders if _VERSION.fullmatch(path.name) and (path / MANIFEST).is_file()]


def find_route(models_dir: Path, model: str) -> Route | None:
    """Return the route of ``model``, None if no file says which; raises as :func:`read_route`."""
    return read_route(models_dir, model) if (models_dir / model / ROUTE).exists() else None


def read_route(models_dir: Path, model: str) -> Route:
    """Return the route of ``model``, as its ``route.json`` says.

    Raises
    ------
    ArtifactError
        If there is none, or it is invalid.
    """
    return _parse(Route, inside(models_dir / model, ROUTE))


def write_route(models_dir: Path, model: str, route: Route) -> None:
    """Store the route of ``model``, whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written; the former one stands.
    """
    with new_folder(models_dir / model) as parent:
        write_file(parent / ROUTE, (route.model_dump_json(indent=2) + "\n").encode())
        (parent / ROUTE).replace(models_dir / model / ROUTE)


def write_newer_route(models_dir: Path, model: str, route: Route) -> None:
    """Store the route of ``model`` as :func:`write_route` does, unless that of a later change is there already.

    Raises
    ------
    OSError
        If it cannot be written; the former one stands.
    """
    folder = models_dir / model
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # until it is closed
        if _revision(models_dir, model) <= route.revision:
            write_route(models_dir, model, route)
    finally:
        os.close(descriptor)


def _revision(models_dir: Path, model: str) -> int:
    """Return the revision of the stored route; -1 where there is none that can be read."""
    try:
        return read_route(models_dir, model).revision
    except ArtifactError:
        return -1


def check_version(folder: Path, *, model: str) -> tuple[Manifest, int]:
    """Return the manifest of a version's folder and the size of its artifact in bytes, without loading it.

    Raises
    ------
    ArtifactError
        If a file is missing, or the manifest is invalid or of another version.
    ArtifactIntegrityError
        If the artifact is not the one that the manifest names.
    """
    manifest = read_manifest(folder)
    if (manifest.name, manifest.version) != (model, folder.name):
        raise ArtifactError(f"{named(folder)}: its manifest is of another model or version")
    artifact = inside(folder, manifest.artifact)
    if not artifact.is_file():  # reading a pipe would block
        raise ArtifactError(f"{named(artifact)} is not there, or is no file")
    try:
        digest, size = sha256_of_file(artifact), artifact.stat().st_size
    except OSError as error:
        raise ArtifactError(f"{named(artifact)} cannot be read ({type(error).__name__})") from error
    if digest != manifest.sha256:
        raise ArtifactIntegrityError(f"{named(folder)}: the artifact's SHA-256 is not the manifest's")
    return manifest, size


@contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """Yield a folder on the file system of ``parent``, and remove what is left of it."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, and see that it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def inside(folder: Path, name: str) -> Path:
    """Return the file ``name`` of ``folder``.

    Raises
    ------
    ArtifactError
        If it leads out of the folder, by its name or by a link.
    """
    if PurePosixPath(name).name != name or "\\" in name or "\0" in name:
        raise ArtifactError(f"{named(folder)}: a file of the version is not a plain name")
    try:
        path = (folder / name).resolve()
    except RuntimeError as error:  # how Python before 3.13 reports a loop of links
        raise ArtifactError(f"{named(folder)}: {name} is a loop of links") from error
    if not path.is_relative_to(folder.resolve()):
        raise ArtifactError(f"{named(folder)}: {name} leads out of the folder")
    return path


def read_file(path: Path) -> bytes:
    """Read a file once: what is hashed is what is unpickled, whatever happens to the file meanwhile.

    Raises
    ------
    ArtifactError
        If it is no file, or cannot be read.
    """
    try:
        if path.is_file():  # reading a pipe would block
            return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{named(path)} cannot be read ({type(error).__name__})") from error
    raise ArtifactError(f"{named(path)} is not there, or is no file")


def _parse(kind: type[ModelT], path: Path) -> ModelT:
    try:
        return kind.model_validate(json.loads(read_file(path)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise ArtifactError(f"{named(path)} is invalid: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise ArtifactError(f"{named(path)} is not JSON") from error


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def named(path: Path) -> str:
    """Name a file or folder by its last two parts: enough to find it, without the machine's layout."""
    return "/".join(path.parts[-2:])
