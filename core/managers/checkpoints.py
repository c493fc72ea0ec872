"""Checkpoints: what each step of the pipeline left, found again by everything that went into it.

``<folder>/<step>/<key>/`` holds the step's output and, as ``checkpoint.json``, the hash of each of its files. The key is a
hash over the step's code, libraries, parameters and the hashes of the outputs that it read. A folder is written beside and
renamed, so it is whole or not there, however the process ended; of two runs that compute the same, one is kept.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.managers.codecs import Codec
from core.utilities.errors import ArtifactError, DataError
from core.utilities.hashing import sha256_of, sha256_of_file

INDEX = "checkpoint.json"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The output of a step and its hash."""

    value: Any
    sha256: str


class Checkpoints:
    """Outputs of steps, under one folder.

    Everything in it can be computed again, so it may be deleted while no run is under way.

    Parameters
    ----------
    folder : Path
        ``repo/data/steps``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, step: str, key: str, codec: Codec) -> Checkpoint | None:
        """Return what the step left under ``key``, or None; what was changed since is taken for not there."""
        folder = self._folder / step / key
        try:
            hashes: dict[str, str] = json.loads((folder / INDEX).read_bytes())
            if any(sha256_of_file(folder / name) != sha256 for name, sha256 in hashes.items()):
                return None
            return Checkpoint(value=codec.load(folder), sha256=_hash_of(hashes))
        except (OSError, ValueError, ArtifactError):
            return None

    def save(self, step: str, key: str, value: object, codec: Codec) -> Checkpoint:
        """Keep the output of a step, and return it as the next step shall get it: read back from its files.

        Raises
        ------
        DataError
            If it cannot be written, or what is read while it is written is broken.
        """
        target = self._folder / step / key
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
        try:
            codec.save(value, scratch)
            hashes = {path.name: sha256_of_file(path) for path in sorted(scratch.iterdir())}
            (scratch / INDEX).write_text(json.dumps(hashes, indent=2) + "\n")
            for path in scratch.iterdir():
                _flush(path)
            self._publish(scratch, target)
            return Checkpoint(value=codec.load(target), sha256=_hash_of(hashes))
        except OSError as error:
            raise DataError(f"the output of step {step} cannot be kept ({error.strerror})") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _publish(self, scratch: Path, target: Path) -> None:
        """Give a complete folder its name."""
        for _ in range(2):
            try:
                scratch.rename(target)
            except OSError:
                # There is one: another run's, just finished, which is as good as ours, or one that was changed.
                if _is_whole(target):
                    return
                aside = Path(tempfile.mkdtemp(prefix=".old-", dir=target.parent))
                target.rename(aside / "was")
                shutil.rmtree(aside, ignore_errors=True)
            else:
                return


def key_of(parts: Mapping[str, Any]) -> str:
    """Return the key of a step: a hash over everything that decides its output, given as JSON values."""
    return sha256_of(json.dumps(parts, sort_keys=True).encode())


def _hash_of(hashes: Mapping[str, str]) -> str:
    return sha256_of(json.dumps(hashes, sort_keys=True).encode())


def _is_whole(folder: Path) -> bool:
    try:
        hashes: dict[str, str] = json.loads((folder / INDEX).read_bytes())
        return all(sha256_of_file(folder / name) == sha256 for name, sha256 in hashes.items())
    except (OSError, ValueError):
        return False


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
