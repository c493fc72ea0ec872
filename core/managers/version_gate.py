"""The gate in front of a route: which versions may pass."""

from collections.abc import Callable, Sequence
from pathlib import Path

from core.managers.plain_sql import Condition, PlainDatabase
from core.managers.version_files import check_version, version_folder
from core.schemas.version import VersionState
from core.utilities.errors import ArtifactIntegrityError, UnknownVersionError, VersionStateError

ROUTABLE = (VersionState.APPROVED, VersionState.FROZEN)


class VersionGate:
    """Says whether a route may name a version.

    Parameters
    ----------
    database : PlainDatabase
        Where the registry keeps its versions.
    models_dir : Path
        ``repo/models``.
    adopt : callable
        Takes a model and a version that the database does not know; lets the registry take it in, or raises.
    """

    def __init__(self, database: PlainDatabase, models_dir: Path, *, adopt: Callable[[str, str], object]) -> None:
        self._database = database
        self._models_dir = models_dir
        self._adopt = adopt

    def require_routable(self, model: str, version: str) -> None:
        """Let a version pass, or raise.

        Raises
        ------
        UnknownVersionError
            If there is none of that id.
        VersionStateError
            If it is a candidate or retired.
        ArtifactError, ArtifactIntegrityError
            If its files are here and are not those that were registered.
        """
        folder = version_folder(self._models_dir, model, version)
        found = self._find(model, version)
        if not found:
            self._adopt(model, version)
            found = self._find(model, version)
        if not found:
            raise UnknownVersionError(f"{model} has no version {version}")
        [(state, sha256)] = found
        if state not in ROUTABLE:
            raise VersionStateError(f"version {version} of {model} is {state}; a route takes approved or frozen")
        # A manifest that was rewritten with its artifact is noticed too.
        if folder.exists() and check_version(folder, model=model)[0].sha256 != sha256:
            raise ArtifactIntegrityError(f"{model}/{version}: the artifact is not the one that was registered")

    @staticmethod
    def still_routable(model: str, versions: Sequence[str]) -> Condition:
        """Return what must be so when a route that names these versions is noted: loading them may have taken its time."""
        places, states = (", ".join("?" * len(values)) for values in (versions, ROUTABLE))
        return Condition(
            sql=f"select version from versions where model = ? and version in ({places}) and state in ({states})",  # noqa: S608 (question marks)
            values=(model, *versions, *(state.value for state in ROUTABLE)),
            rows=len(versions),
        )

    def know(self, model: str, version: str) -> None:
        """Let the registry take in a version that it does not know, if it will, so that a way back need not do that."""
        try:
            if not self._find(model, version):
                self._adopt(model, version)
        except Exception as error:  # noqa: BLE001 (nobody asked for it, and the change that did stands)
            from loguru import logger  # noqa: PLC0415 (whoever changes a route is in a hurry)

            logger.warning("{} of {} is not known to the registry: {}", version, model, type(error).__name__)

    def _find(self, model: str, version: str) -> list[tuple[str, str]]:
        rows = self._database.rows("select state, sha256 from versions where model = ? and version = ?", model, version)
        return [(state, sha256) for state, sha256 in rows]
