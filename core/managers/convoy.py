"""Batches of several versions of a model that share one message, because it costs a worker more than what is in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.managers.line import Batch, Line
from core.managers.parcel import Lane
from core.schemas.wire import PredictRowsReply, encode_mixed
from core.utilities.errors import TripcastError


@dataclass(slots=True, eq=False)
class Convoy:
    """Batches that travel together; a :class:`core.managers.parcel.Parcel`.

    ``batches`` are two at least. It is under way in the line of the first, and takes no place in the others'.
    """

    batches: list[Batch]
    attempt: int = 0
    task_ids: list[str] = field(default_factory=list)
    in_line: bool = True

    def __len__(self) -> int:
        return sum([len(batch) for batch in self.batches])

    @property
    def line(self) -> Line:
        """Where it counts as under way."""
        return self.batches[0].line

    @property
    def left_at(self) -> float:
        """When it left, by the monotonic clock."""
        return self.batches[0].left_at

    @property
    def lane(self) -> Lane:
        """Single rows."""
        return "rows"

    @property
    def ids(self) -> list[str]:
        """Return the callers' request ids."""
        return [request_id for batch in self.batches for request_id in batch.ids]

    @property
    def expires_at(self) -> float:
        """The latest deadline, in Unix seconds."""
        return max(batch.expires_at for batch in self.batches)

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for one of the rows."""
        return any(batch.wanted for batch in self.batches)

    @property
    def parts(self) -> Sequence[Batch]:
        """The batches."""
        return self.batches

    def encode(self, features: Sequence[str]) -> dict[str, Any]:
        """Return the request that carries the rows."""
        for batch in self.batches:
            batch.attempt = self.attempt
        return encode_mixed([batch.encode(features) for batch in self.batches])

    def deliver(self, replies: Sequence[PredictRowsReply], task_id: str) -> None:
        """Answer each row that still waits."""
        costs_ms = [batch.answer(reply, task_id) for batch, reply in zip(self.batches, replies, strict=True)]
        self.line.on_reply(self, sum(costs_ms) / 1000)

    def fail(self, error: TripcastError) -> None:
        """Fail each row that still waits."""
        for batch in self.batches:
            batch.fail(error)

    def note_lost(self) -> None:
        """Let none of these versions share a message until one of its batches came back."""
        for batch in self.batches:
            batch.note_lost()

    def release(self) -> None:
        """Let those that gathered meanwhile leave."""
        self.line.returned(len(self.batches[0]))

    def pieces(self) -> list[Batch]:
        """Return the rows that are still wanted, a few in each batch, each of one version."""
        for batch in self.batches:
            batch.attempt = self.attempt
        return [piece for batch in self.batches for piece in batch.pieces()]
