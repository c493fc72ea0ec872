"""An office of routes: a desk over a real database, a real board and workers that really load."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.managers.artifacts import load_version
from core.managers.database import open_database
from core.managers.registry import Registry
from core.managers.route_board import RouteBoard
from core.managers.route_desk import RouteDesk
from core.managers.route_history import RouteHistory
from core.managers.route_preparation import Preparer
from core.managers.version_files import read_route, write_route
from core.schemas.catalog import TRIP_DURATION, CatalogEntry
from core.schemas.route import Route
from core.schemas.version import RouteChange
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.core.managers.registered import gate_of, plain
from tests.core.managers.version_worker import version_worker
from tests.e2e.processes import Broker

MODEL = TRIP_DURATION.model
ADA = {"who": "ada", "why": "it is better"}
LASTING_S = 60.0
"""For heartbeats: workers of a machine that stands still are not gone."""


class Office:
    """A desk and everything around it."""

    def __init__(self, folder: Path, broker: Broker, *, timeout_s: float = 20.0) -> None:
        self.models_dir = folder / "models"
        self.registry = Registry(open_database(f"sqlite:///{folder / 'db.sqlite'}"), self.models_dir)
        self.history = RouteHistory(plain(self.registry.engine))
        self.board = RouteBoard(broker.url)
        self.desk = RouteDesk(
            gate=gate_of(self.registry, self.models_dir),
            history=self.history,
            board=self.board,
            preparer=Preparer(board=self.board, prove=self.prove, timeout_s=timeout_s),
            models_dir=self.models_dir,
        )

    def prove(self, entry: CatalogEntry, version: str) -> None:
        load_version(self.models_dir / entry.model / version, entry=entry, allowed_classes=CLASSES)

    def route(self) -> Route:
        """The route as it is stored, noted and spread, which must be the same."""
        stored, noted = read_route(self.models_dir, MODEL), self.history.current(MODEL)
        spread = self.board.read().get(MODEL)
        assert stored == spread == noted
        return stored

    def last(self) -> RouteChange:
        return self.history.changes(MODEL, limit=1)[0]


@contextmanager
def staffed_office(folder: Path, broker: Broker) -> Iterator[Office]:
    """Four versions, the first is the champion; two workers."""
    office = Office(folder, broker)
    for pace in range(1, 5):
        store_paced(office.models_dir, pace)
    write_route(office.models_dir, MODEL, Route(champion="pace-1"))
    with ExitStack() as workers:
        for name in ("w1", "w2"):
            workers.enter_context(version_worker(name, broker, office.models_dir))
        workers.callback(office.board.close)
        yield office


def office_desk(
    office: Office,
    *,
    history: RouteHistory | None = None,
    board: RouteBoard | None = None,
    preparer: Preparer | None = None,
) -> RouteDesk:
    """A second desk in the same office."""
    return RouteDesk(
        gate=gate_of(office.registry, office.models_dir),
        history=history or office.history,
        board=board or office.board,
        preparer=preparer or Preparer(board=office.board, prove=office.prove),
        models_dir=office.models_dir,
    )
