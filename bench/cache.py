"""What a benchmark makes once and can make again, under ``build/bench``: models, bodies, files of trips."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from config import ROOT

CACHE = ROOT / "build" / "bench"
_SOURCES = ("bench/trips.py", "bench/trees.py", "repo/models/trip_duration/route.json")
"""What decides the content of the files: with another one of these, all are made anew."""


def cached(name: str, write: Callable[[Path], object]) -> Path:
    """Return the file ``name`` of the cache; ``write`` makes it where it is not there yet.

    It appears whole or not at all, whoever else makes it at the same time.
    """
    digest = hashlib.sha256(b"".join((ROOT / source).read_bytes() for source in _SOURCES)).hexdigest()
    path = CACHE / digest[:12] / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{name}.{os.getpid()}.part")
        write(part)
        part.replace(path)
    return path
