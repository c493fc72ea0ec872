"""A crowd for the tests of admission: rows that come and are answered, on a clock of its own."""

import asyncio

from core.managers.admission import Admission
from core.managers.line import Batch, Line
from core.managers.return_table import ReturnTable, create_shared_memory
from core.utilities.errors import OverloadError
from tests.core.managers.rows import new_row, turn

ROW_S = 0.01
"""What a row takes in the system that the crowd uses."""
TIMEOUT_S = 10.0
MOST_ROWS = 100_000


class Clock:
    """Seconds that pass when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Crowd:
    """Rows before one system that answers one each ``ROW_S``; first in, first out."""

    def __init__(self, returns: ReturnTable | None = None) -> None:
        self.clock = Clock()
        self.works = True
        """Whether there is a worker, or one to wait for."""
        self.admission = Admission(
            returns=returns or ReturnTable(create_shared_memory()),
            clock=self.clock,
            nobody_works=lambda: not self.works,
        )
        self._line = Line("m", None, send=lambda batch: None, max_batch_rows=1, max_inflight=lambda: 0)
        self._line.join(new_row("waits for ever"))
        self._names = 0

    def __len__(self) -> int:
        return self.admission.ahead

    def ask(self, request_id: str) -> int | None:
        """Ask for one row; return after how many seconds to come back, ``None`` if it was taken."""
        try:
            self.admission.admit(request_id, TIMEOUT_S)
        except OverloadError as error:
            return error.retry_after_s
        self.admission.enter()
        return None

    def ask_as_new(self) -> int | None:
        """Ask with a name that was never used."""
        self._names += 1
        return self.ask(f"new-{self._names}")

    def answer_next(self) -> None:
        """Answer the first row, after what it takes."""
        left_at = self.clock.now
        self.clock.advance(ROW_S)
        batch = Batch(rows=[new_row()], line=self._line, left_at=left_at)
        self.admission.note_batch(batch, ROW_S)
        self.admission.leave()

    async def go_on(self, seconds: float) -> None:
        """Let time pass, with more requests than can be answered."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.answer_next()
            while self.ask_as_new() is None:
                assert len(self) < MOST_ROWS
            await turn()

    async def disperse(self) -> None:
        """Answer all that are there."""
        while len(self):
            self.answer_next()
            await turn()


async def gather_crowd(returns: ReturnTable | None = None) -> Crowd:
    """Return a crowd so large that new rows are refused."""
    crowd = Crowd(returns)
    for _ in range(100):
        crowd.admission.enter()
    for _ in range(100):
        crowd.answer_next()
        crowd.admission.enter()
    await asyncio.sleep(0)
    await crowd.go_on(1.0)
    return crowd
