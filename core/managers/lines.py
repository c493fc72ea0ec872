"""The lines of a web process: one for each model and version that rows wait for, and what they leave each other."""

from collections.abc import Callable, Iterator

from core.managers.line import Batch, Line

MANY_LINES = 32
"""Above this, lines that nobody stands in are forgotten: callers may ask for any version."""
Key = tuple[str, str | None]


class Lines:
    """Opens lines as they are needed; used on the event loop only.

    Parameters
    ----------
    send : callable
        Takes a batch away; must not block.
    max_batch_rows : int
        Rows in one batch at most.
    max_inflight : callable
        Returns how many batches of a model may be under way now.
    on_reply : callable
        Told of each batch that came back, and the seconds that its computation took.
    """

    def __init__(
        self,
        *,
        send: Callable[[Batch], None],
        max_batch_rows: int,
        max_inflight: Callable[[str], int],
        on_reply: Callable[[Batch, float], None] = lambda batch, batch_s: None,
    ) -> None:
        self._send = send
        self._max_batch_rows = max_batch_rows
        self._max_inflight = max_inflight
        self._on_reply = on_reply
        self._lines: dict[Key, Line] = {}

    def __iter__(self) -> Iterator[Line]:
        return iter(list(self._lines.values()))

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def waiting_rows(self) -> int:
        """How many rows wait in all of them."""
        return sum([len(line) for line in self._lines.values()])

    def get(self, model: str, version: str | None) -> Line:
        """Return the line of a model and version; ``None`` is that of the rows whose version the worker chooses."""
        line = self._lines.get((model, version))
        if line is None:
            if len(self._lines) >= MANY_LINES:
                self._lines = {key: known for key, known in self._lines.items() if len(known) or known.inflight}
            line = self._lines[model, version] = Line(
                model,
                version,
                send=self._send,
                max_batch_rows=self._max_batch_rows,
                max_inflight=lambda: self._left_for(model, version),
                on_reply=self._on_reply,
            )
        return line

    def of(self, model: str) -> list[Line]:
        """Return the lines of one model."""
        return [line for line in self._lines.values() if line.model == model]

    def _left_for(self, model: str, version: str | None) -> int:
        """Return how many batches of a line may be under way: what the model's other lines leave, one at least.

        It is the batch that costs a worker time, hardly the rows in it: the few rows of a canary shall not make twice
        as many batches. With one of its own, no line waits for a version that hangs.
        """
        most = self._max_inflight(model)
        if len(self._lines) > 1:
            others = [line.inflight for (name, of), line in self._lines.items() if name == model and of != version]
            most -= sum(others)
        return max(1, most)
