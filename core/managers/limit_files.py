"""The limits of a family, from its YAML file under version control."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from core.schemas.limits import FamilyLimits
from core.utilities.errors import SettingsError

GATES = Path(__file__).resolve().parents[1] / "handlers" / "gates"


def load_limits(model: str, folder: Path = GATES) -> FamilyLimits:
    """Return the limits of a family; the defaults, where it has no file.

    Parameters
    ----------
    model : str
        Name of the family.
    folder : Path
        Where the files ``<model>.yaml`` lie.

    Raises
    ------
    SettingsError
        As :func:`read_limits`.
    """
    path = folder / f"{model}.yaml"
    return read_limits(path) if path.exists() else FamilyLimits()


def read_limits(path: Path) -> FamilyLimits:
    """Read a file of limits.

    Raises
    ------
    SettingsError
        If it cannot be read, is no YAML, or names an unknown limit or a wrong value; one line.
    """
    try:
        return FamilyLimits.model_validate(_parse(path.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise SettingsError(f"{path.name}: {where}: {first['msg']}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise SettingsError(f"{path.name} is not YAML{line}: {getattr(error, 'problem', 'unreadable')}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read ({type(error).__name__})") from error


class _UniqueKeys(yaml.SafeLoader):
    """PyYAML takes the last of two equal keys; a limit that is given twice is a mistake."""


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [key.value for key, _ in node.value]
    if len(set(keys)) != len(keys):
        raise yaml.constructor.ConstructorError(problem="a key is given twice", problem_mark=node.start_mark)
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _parse(text: str) -> Any:  # noqa: ANN401 (whatever the YAML holds)
    return yaml.load(text, Loader=_UniqueKeys) or {}  # noqa: S506 (a SafeLoader)
