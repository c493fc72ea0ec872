"""The lines of a web process: one for each model and version that rows wait for, and what they leave each other."""

import math
from collections.abc import Callable, Iterator

from core.managers.convoy import Convoy
from core.managers.line import Batch, Departed, Line
from core.schemas.wire import MAX_PARTS

MANY_LINES = 32
"""Above this, lines that nobody stands in are forgotten: callers may ask for any version."""
Key = tuple[str, str | None]


class Lines:
    """Opens lines as they are needed; used on the event loop only.

    Lines of a model share what may be under way, for it is the message that costs a worker time, hardly the rows in it.
    Those whose rows cost little (:attr:`Line.light`) are as one: a batch that leaves takes along who waits in the
    others. Each of the rest may have one batch of its own in any case, so that none waits for a version that hangs.
    Where rows are dear (:attr:`Line.dear`), all batches are alike in size, so that no worker waits for another's rows.

    Parameters
    ----------
    send : callable
        Takes a batch or a convoy away; must not block.
    max_batch_rows : int
        Rows in one batch at most.
    max_inflight : callable
        Returns how many batches of a model may be under way now.
    workers : callable
        Returns how many workers serve a model now.
    may_mix : callable
        Tells whether all who serve a model understand a message with rows of several versions.
    on_reply : callable
        Told of each batch that came back, and the seconds that its computation took.
    """

    def __init__(
        self,
        *,
        send: Callable[[Batch | Convoy], None],
        max_batch_rows: int,
        max_inflight: Callable[[str], int],
        workers: Callable[[str], int] = lambda model: 1,
        may_mix: Callable[[str], bool] = lambda model: True,
        on_reply: Callable[[Departed, float], None] = lambda batch, batch_s: None,
    ) -> None:
        self._send = send
        self._max_batch_rows = max_batch_rows
        self._max_inflight = max_inflight
        self._workers = workers
        self._may_mix = may_mix
        self._on_reply = on_reply
        self._lines: dict[Key, Line] = {}
        self._by_model: dict[str, list[Line]] = {}

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
                self._forget_idle()
            line = self._lines[model, version] = self._new(model, version)
            self._by_model.setdefault(model, []).append(line)
        return line

    def of(self, model: str) -> list[Line]:
        """Return the lines of one model."""
        return list(self._by_model.get(model, ()))

    def _new(self, model: str, version: str | None) -> Line:
        line = Line(
            model,
            version,
            send=self._send_with_riders,
            max_batch_rows=self._max_batch_rows,
            max_inflight=lambda: self._left_for(line),
            on_reply=self._on_reply,
            on_return=lambda: self._let_others_depart(line),
            room=lambda: self._room(line),
        )
        return line

    def _forget_idle(self) -> None:
        self._lines = {key: line for key, line in self._lines.items() if len(line) or line.inflight}
        self._by_model = {}
        for line in self._lines.values():
            self._by_model.setdefault(line.model, []).append(line)

    def _left_for(self, line: Line) -> int:
        """Return how many batches of a line may be under way: what the model's other lines leave."""
        most = self._max_inflight(line.model)
        lines = self._beside(line)
        if len(lines) == 1:
            return max(1, most)
        if not self._mixes(line):
            return max(1, most - sum([other.inflight for other in lines if other is not line]))
        light = heavy = 0
        for other in lines:
            if other.light:
                light += other.inflight
            else:
                heavy += other.inflight
        return max(1, most - heavy) - (light - line.inflight)

    def _room(self, line: Line) -> int:
        """Return how many rows of a line may leave together: all that a batch holds, or the line's share of it."""
        lines = self._beside(line)
        if line.dear:
            return self._even(line)
        if len(lines) == 1 or not self._mixes(line):
            return self._max_batch_rows
        waiting = [len(other) for other in lines if other is not line and other.light and len(other)]
        fair = _share(len(line), len(line) + sum(waiting), self._max_batch_rows)
        return max(1, min(fair, self._max_batch_rows - len(waiting)))

    def _even(self, line: Line) -> int:
        """Return how many rows of a line may leave together, so that all its batches are alike in size.

        At first each worker is given one; those that they find when they come back make it two.
        """
        workers = self._workers(line.model)
        if workers <= 1:
            return self._max_batch_rows
        places = workers if line.inflight < workers else self._left_for(line)
        return min(self._max_batch_rows, math.ceil((len(line) + line.rows_under_way) / places))

    def _beside(self, line: Line) -> list[Line]:
        """Return the lines of a line's model; only itself, if it was forgotten meanwhile."""
        return self._by_model.get(line.model) or [line]

    def _mixes(self, line: Line) -> bool:
        return line.light and self._may_mix(line.model)

    def _send_with_riders(self, batch: Batch) -> None:
        """Send a batch, and with it those who wait in lines that may share its message.

        Where not all fit, each line fills its share, a row at least: no version keeps another from leaving.
        """
        line = batch.line
        lines = self._beside(line)
        if len(lines) == 1 or not self._mixes(line):
            self._send(batch)
            return
        riders = [other for other in lines if other is not line and other.light and len(other)][: MAX_PARTS - 1]
        waiting, room = sum([len(other) for other in riders]), self._max_batch_rows - len(batch)
        batches, left = [batch], room
        for later, other in zip(reversed(range(len(riders))), riders, strict=True):
            rows = other.take(min(_share(len(other), waiting, room), left - later))
            left -= len(rows)
            if rows:
                batches.append(Batch(rows=rows, line=other, in_line=False))
        self._send(Convoy(batches) if len(batches) > 1 else batch)

    def _let_others_depart(self, line: Line) -> None:
        for other in self._beside(line):
            if other is not line:
                other.depart_soon()


def _share(rows: int, waiting: int, room: int) -> int:
    """Return how many of a line's rows may leave, where ``waiting`` rows of all lines want ``room`` places."""
    return rows if waiting <= room else max(1, rows * room // waiting)
