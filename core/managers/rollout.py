"""The rollout: the registry, the history and the desk of routes of one installation, opened together.

A rollback is urgent, so what it needs is here at once, and the registry, with its SQLAlchemy, when it is asked for.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from core.managers.plain_redis import redis_errors
from core.managers.plain_sql import PlainDatabase
from core.managers.route_board import AbsentBoard, RouteBoard
from core.managers.route_desk import RouteDesk
from core.managers.route_history import RouteHistory
from core.managers.route_preparation import PREPARE_TIMEOUT_S, Preparer
from core.managers.version_gate import VersionGate
from core.managers.version_proof import EarlierProof, Proof
from core.schemas.route import Route
from core.utilities.errors import ArtifactError, DatabaseUnavailableError

if TYPE_CHECKING:
    from core.managers.registry import Registry


class Rollout:
    """Everything that changes versions and routes; safe in threads.

    Parameters
    ----------
    database_url : str
        Of the runs and the registry.
    board : RouteBoard
        Where routes spread from.
    models_dir : Path
        ``repo/models``.
    proof : Proof, optional
        What stands in for a worker where none runs; not given where no model may be loaded, as in a web process.
    timeout_s : float
        How long a worker may take to load what a route is about to name.

    Raises
    ------
    DatabaseUnavailableError
        If the database cannot be used.
    """

    def __init__(
        self,
        *,
        database_url: str,
        board: RouteBoard,
        models_dir: Path,
        proof: Proof | None = None,
        timeout_s: float = PREPARE_TIMEOUT_S,
    ) -> None:
        self._board = board
        self._models_dir = models_dir
        self._database_url = database_url
        self._registry: Registry | None = None
        self._opening = threading.Lock()
        database = open_plain(database_url)
        self.history = RouteHistory(database)
        proof = proof or EarlierProof(named=self.history.named)
        self.desk = RouteDesk(
            gate=VersionGate(database, models_dir, adopt=self._adopt),
            history=self.history,
            board=board,
            preparer=Preparer(board=board, prove=proof.prove, fit=proof.fit, timeout_s=timeout_s),
            models_dir=models_dir,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._board.close()
        if self._registry is not None:
            self._registry.engine.dispose()

    @property
    def registry(self) -> "Registry":
        """The versions; raises DatabaseUnavailableError if the database cannot be used by then."""
        with self._opening:
            if self._registry is None:
                from core.managers.database import open_database  # noqa: PLC0415 (see above)
                from core.managers.registry import Registry  # noqa: PLC0415

                self._registry = Registry(open_database(self._database_url), self._models_dir)
            return self._registry

    def _adopt(self, model: str, version: str) -> None:
        self.registry.get(model, version)

    def route(self, model: str) -> Route | None:
        """Return the route of a model, None if it never had one, or what lies in its place is none."""
        try:
            return self.desk.current(model)
        except ArtifactError:
            return self.history.current(model)


@contextmanager
def opened_rollout(
    *, database_url: str, backend_url: str, models_dir: Path, proof: Proof, alone: bool = False
) -> Iterator[Rollout]:
    """Open all that a change of routes needs, and close it.

    Parameters
    ----------
    database_url, models_dir, proof
        As :class:`Rollout` takes them.
    backend_url : str
        Redis of the result backend.
    alone : bool
        Whether routes may change with that Redis away: they are stored and noted, and the next start follows them.

    Raises
    ------
    DatabaseUnavailableError
        If the database cannot be used, now or later; without its URL, which may hold a password.
    """
    board = _board(backend_url, alone=alone)
    with (
        available_database(),
        Rollout(database_url=database_url, board=board, models_dir=models_dir, proof=proof) as rollout,
    ):
        yield rollout


def open_plain(url: str) -> PlainDatabase:
    """Return a database that is up to date; one that is not is brought up to date first, which takes a second.

    Raises
    ------
    DatabaseUnavailableError
        If it cannot be reached or written; without the URL, which may hold a password.
    """
    plain = PlainDatabase(url)
    if not plain.is_current():
        from core.managers.database import open_database  # noqa: PLC0415 (see above)

        open_database(url).dispose()
    return plain


@contextmanager
def available_database() -> Iterator[None]:
    """Say of a database that fails meanwhile that it cannot be used, in one line."""
    try:
        yield
    except Exception as error:
        # Who never imported SQLAlchemy was not stopped by it.
        errors = sys.modules.get("sqlalchemy.exc")
        if errors is None or not isinstance(error, errors.SQLAlchemyError):
            raise
        raise DatabaseUnavailableError(f"the database of the runs cannot be used ({type(error).__name__})") from error


def _board(url: str, *, alone: bool) -> RouteBoard:
    board = RouteBoard(url, hurried=True)
    if not alone:
        return board
    try:
        board.read()
    except redis_errors():
        board.close()
        return AbsentBoard()
    return board
