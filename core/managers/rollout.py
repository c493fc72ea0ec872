"""The rollout: the registry, the history and the desk of routes of one installation, opened together."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from sqlalchemy.exc import SQLAlchemyError

from core.managers.database import open_database
from core.managers.registry import Registry
from core.managers.route_board import AbsentBoard, RouteBoard
from core.managers.route_desk import RouteDesk
from core.managers.route_history import RouteHistory
from core.managers.route_preparation import Preparer
from core.managers.version_proof import Proof
from core.schemas.route import Route
from core.utilities.errors import ArtifactError, DatabaseUnavailableError


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
    proof : Proof
        What stands in for a worker where none runs.

    Raises
    ------
    DatabaseUnavailableError
        If the database cannot be used.
    """

    def __init__(self, *, database_url: str, board: RouteBoard, models_dir: Path, proof: Proof) -> None:
        self._board = board
        self._models_dir = models_dir
        self._engine = open_database(database_url)
        self.registry = Registry(self._engine, models_dir)
        self.history = RouteHistory(self._engine)
        self.desk = RouteDesk(
            registry=self.registry,
            history=self.history,
            board=board,
            preparer=Preparer(board=board, prove=proof.prove, fit=proof.fit),
            models_dir=models_dir,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._board.close()
        self._engine.dispose()

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


@contextmanager
def available_database() -> Iterator[None]:
    """Say of a database that fails meanwhile that it cannot be used, in one line."""
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseUnavailableError(f"the database of the runs cannot be used ({type(error).__name__})") from error


def _board(url: str, *, alone: bool) -> RouteBoard:
    board = RouteBoard(url)
    if not alone:
        return board
    try:
        board.read()
    except redis.RedisError:
        board.close()
        return AbsentBoard()
    return board
