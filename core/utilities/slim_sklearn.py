"""scikit-learn without pandas.

Where pandas is installed, scikit-learn 1.9 imports it and makes no use of it: 29 MiB in every worker. Whoever imports this
module first keeps it out. scikit-learn 1.10 no longer does that (https://github.com/scikit-learn/scikit-learn/pull/34265),
and then this module can go.
"""

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


with hidden("pandas"):
    from sklearn.exceptions import InconsistentVersionWarning

__all__ = ["InconsistentVersionWarning"]
