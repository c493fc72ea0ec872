"""Imports without a package that is there and not needed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Let no import find the package meanwhile, unless it was imported before. Not for beside other threads."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # what `import` takes for "not there"
    try:
        yield
    finally:
        del sys.modules[name]
