"""Unpickling that refuses every name outside an allow-list, before it imports anything."""

import importlib
import io
import pickle
import warnings
from collections.abc import Iterable
from typing import Any

from core.managers.allow_list import FUNCTIONS, LIBRARY_NAMES, RENAMED_MODULES
from core.utilities.errors import ArtifactError, ForbiddenClassError
from core.utilities.slim_sklearn import InconsistentVersionWarning

LONGEST_NAME = 100


class AllowListUnpickler(pickle.Unpickler):
    """An unpickler that resolves only names of its allow-list, and those without walking along dots.

    Parameters
    ----------
    content : bytes
        The pickle.
    allowed : set of (str, str)
        Module and name of each class that the pickle may mention, beside those of ``allow_list``.
    """

    def __init__(self, content: bytes, *, allowed: frozenset[tuple[str, str]]) -> None:
        super().__init__(io.BytesIO(content))
        self._allowed = LIBRARY_NAMES | allowed

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 (as in pickle.Unpickler)
        """Resolve a name of the allow-list.

        The pair is compared exactly, so ``sklearn`` + ``utils.os.system`` (protocol 4 resolves dots) is refused
        like any other name. What is found must be a class, or one of the few functions that are listed.

        Raises
        ------
        ForbiddenClassError
            If the name is not on the list, or is no class.
        """
        wanted = (RENAMED_MODULES.get(module, module), name)
        if wanted not in self._allowed:
            raise ForbiddenClassError(
                f"the pickle names {_shown(module, name)}, which is not on the allow-list"
                " (MODEL_ALLOWED_CLASSES adds your own classes)"
            )
        found = _resolve(*wanted)
        if not isinstance(found, type) and wanted not in FUNCTIONS:
            raise ForbiddenClassError(f"the pickle names {_shown(module, name)}, which is not a class")
        return found


def unpickle(content: bytes, *, allowed_classes: Iterable[str] = ()) -> object:
    """Unpickle through the allow-list.

    Parameters
    ----------
    content : bytes
        The pickle.
    allowed_classes : iterable of str
        Further classes, ``module.Class`` each.

    Raises
    ------
    ForbiddenClassError
        If the pickle names anything outside the allow-list.
    ArtifactError
        If it does not unpickle: truncated, garbled, or refused by a class that it names.
    """
    unpickler = AllowListUnpickler(content, allowed=frozenset(map(_parsed, allowed_classes)))
    try:
        with warnings.catch_warnings():
            # An old pickle predicts exactly (docs/models.md); the golden rows find one that does not.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            return unpickler.load()
    except ArtifactError:
        raise
    except Exception as error:  # garbled bytes can raise anything, in pickle and in any class they name
        raise ArtifactError(f"the artifact does not unpickle ({type(error).__name__})") from error


def _parsed(path: str) -> tuple[str, str]:
    module, dot, name = path.rpartition(".")
    if not dot or not all(part.isidentifier() for part in path.split(".")):
        raise ArtifactError(f"an allowed class is written module.Class, not {path!r}")
    return module, name


def _resolve(module: str, name: str) -> object:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ArtifactError(f"the pickle needs {_shown(module, name)}, which is not installed here") from error


def _shown(module: str, name: str) -> str:
    """Quote a name from a pickle: it is the author's text, so it is cut and escaped."""
    return ascii(f"{module}.{name}"[:LONGEST_NAME])
