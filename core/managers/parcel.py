"""What the ledger needs of rows that travel together, be they of many callers or of one."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from core.schemas.wire import PredictRowsReply
from core.utilities.errors import TripcastError

Lane = Literal["rows", "chunks"]
"""Single rows go first, in the web process and in the worker."""


class Parcel(Protocol):
    """Rows that travel in one task.

    ``attempt`` counts the sendings, ``task_ids`` are their ids.
    """

    attempt: int
    task_ids: list[str]
    in_line: bool
    """Whether it counts as under way in its line."""

    @property
    def lane(self) -> Lane:
        """Which lane it belongs to."""
        ...

    @property
    def ids(self) -> list[str]:
        """Return the callers' request ids, (n_rows,)."""
        ...

    @property
    def expires_at(self) -> float:
        """When nobody waits for any of the rows any more, in Unix seconds."""
        ...

    @property
    def wanted(self) -> Any:  # noqa: ANN401 (only its truth counts)
        """Whether anybody still waits for it."""
        ...

    def __len__(self) -> int: ...

    def encode(self, features: Sequence[str]) -> dict[str, Any]:
        """Return the ``predict_rows`` request that carries the rows, as values for orjson."""
        ...

    @property
    def parts(self) -> Sequence["Parcel"]:
        """Return what is of one version each: itself, or the parcels that travel in it."""
        ...

    def deliver(self, replies: Sequence[PredictRowsReply], task_id: str) -> None:
        """Give each row what came back for it; there is a reply for each of the ``parts``."""
        ...

    def note_lost(self) -> None:
        """Take note that it did not come back, and will be sent again."""
        ...

    def fail(self, error: TripcastError) -> None:
        """Give each row that has no answer yet this error."""
        ...

    def release(self) -> None:
        """Give its place under way back."""
        ...

    def pieces(self) -> Sequence["Parcel"]:
        """Return what is still wanted in parcels small enough for the quarantine; they hold no place in the line."""
        ...
