"""The guard: watches what a canary answers, and has it stopped if it leaves its bounds.

It runs in the recorder, which sees the answers of all web processes. It never touches a request: while no canary is
live it costs one read of the routes a second.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loguru import logger

from core.schemas.record import RecordEntry, Role
from core.schemas.route import Route
from core.services.canary_guard import GuardLimits, Side, judge
from core.utilities.errors import TripcastError, WireError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

LOOK_S = 1.0
MAX_PAUSE_S = 30.0
"""Between two tries to stop a canary: the pause grows so long, as each refusal is a line of the history."""
WATCHED = (Role.CHAMPION, Role.CANARY)
MAX_ROWS = 200_000
"""Of a version; older answers are forgotten however long the window is."""


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What one version answered in one entry; ``costs_ms`` of each of its batches, where they were single rows."""

    time: float
    rows: int
    predictions: "FloatArray"
    costs_ms: list[float]


@dataclass
class _Watch:
    """One canary's time: who is compared, and what was seen since, oldest first."""

    champion: str
    canary: str
    revision: int
    parts: dict[str, deque[_Part]] = field(default_factory=dict)
    stopped: bool = False
    compared: bool = False
    stopping: Future[None] | None = None
    why: str = ""
    failure: str = ""
    pause_s: float = LOOK_S
    next_try: float = 0.0


class CanaryGuard:
    """Compares canaries with their champions; used by one thread, and stops them in another.

    Parameters
    ----------
    routes : callable
        Returns the routes by model; raises if they cannot be read, and what was known stands.
    stop_canary : callable
        Takes the model, the canary's version and the reason; raises if the canary could not be stopped, which is tried
        again. May take long, as it waits for workers and a database.
    limits : GuardLimits
        The bounds.
    window_s : float
        Answers older than this do not count.
    clock : callable
        Unix seconds, which may jump.
    steady : callable
        Seconds that never go back.
    executor : Executor, optional
        Where canaries are stopped, one after the other; not where records pass, which must not wait for that.
    """

    def __init__(
        self,
        *,
        routes: Callable[[], Mapping[str, Route]],
        stop_canary: Callable[[str, str, str], None],
        limits: GuardLimits,
        window_s: float,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        executor: Executor | None = None,
    ) -> None:
        self._routes = routes
        self._stop_canary = stop_canary
        self._limits = limits
        self._window_s = window_s
        self._clock = clock
        self._steady = steady
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="guard")
        self._stopping: list[tuple[str, _Watch]] = []
        self._watches: dict[str, _Watch] = {}
        self._looked = float("-inf")
        self._blind = False

    def look(self, content: bytes) -> None:
        """See an entry of the stream."""
        if not self._watches:
            return
        try:
            entry = RecordEntry.decode(content)
            watch = self._watches.get(entry.model)
            if watch is not None:
                for version in (watch.champion, watch.canary):
                    part = _part_of(entry, version)
                    if part is not None:
                        watch.parts.setdefault(version, deque()).append(part)
        except (WireError, TypeError, ValueError, KeyError):
            return  # the recorder, which sees it too, says so

    def tick(self) -> None:
        """Follow the routes, and judge each canary; does so once a second however often it is called."""
        now = self._steady()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        self._settle()
        try:
            self._follow(self._routes())
        except Exception as error:  # noqa: BLE001 (a recorder does not end because its onlooker sees nothing)
            if not self._blind:
                logger.warning("the guard cannot read the routes: {}", type(error).__name__)
            self._blind = True
            return
        self._blind = False
        for model, watch in self._watches.items():
            for parts in watch.parts.values():
                _forget(parts, oldest=self._clock() - self._window_s)
            if not watch.stopped and watch.stopping is None and now >= watch.next_try:
                self._judge(model, watch)
        self._settle()

    def _follow(self, routes: Mapping[str, Route]) -> None:
        """Begin anew with each change of a route: what was seen before belongs to another comparison."""
        watches = {}
        for model, route in routes.items():
            known = self._watches.get(model)
            if route.canary is None:
                continue
            if known is None or known.revision != route.revision:
                known = _Watch(route.champion, route.canary.version, route.revision)
                logger.info("the guard watches {} {} beside {}", model, known.canary, known.champion)
            watches[model] = known
        self._watches = watches

    def _judge(self, model: str, watch: _Watch) -> None:
        canary, champion = (_Seen(watch.parts.get(version, ())) for version in (watch.canary, watch.champion))
        shift = _shift(canary, champion) if self._limits.max_shift else None
        reason = judge(canary.side(), champion.side(), shift=shift, limits=self._limits)
        if reason is None:
            enough = min(len(canary.predictions), len(champion.predictions)) >= self._limits.min_rows
            if enough and not watch.compared:
                watch.compared = True
                logger.info("the canary of {} is in its bounds after {} rows", model, canary.rows)
            return
        watch.why = f"{watch.canary}: {reason}"
        watch.stopping = self._executor.submit(self._stop_canary, model, watch.canary, watch.why)
        self._stopping.append((model, watch))

    def _settle(self) -> None:
        """See what became of the canaries that were to be stopped, also of those that are off the route by now."""
        under_way = []
        for model, watch in self._stopping:
            if watch.stopping is None or not watch.stopping.done():
                under_way.append((model, watch))
                continue
            error, watch.stopping = watch.stopping.exception(), None
            if error is not None:  # database, Redis or workers away: none of it ends the recorder
                self._put_off(model, watch, failure=_told(error))
                continue
            watch.stopped = True
            logger.warning("the canary of {} was stopped; {}", model, watch.why)
        self._stopping = under_way

    def _put_off(self, model: str, watch: _Watch, *, failure: str) -> None:
        if failure != watch.failure:
            logger.error("the canary of {} cannot be stopped ({}), although {}", model, failure, watch.why)
        watch.failure = failure
        watch.next_try = self._steady() + watch.pause_s
        watch.pause_s = min(2 * watch.pause_s, MAX_PAUSE_S)


def _forget(parts: deque[_Part], *, oldest: float) -> None:
    """Forget what was answered before ``oldest``, and the oldest of what is too much."""
    rows = sum(part.rows for part in parts)
    while parts and (parts[0].time < oldest or rows > MAX_ROWS):
        rows -= parts.popleft().rows


def _told(error: BaseException) -> str:
    """Return an error's message where we wrote it; another's may hold an address or a password."""
    return str(error) if isinstance(error, TripcastError) else type(error).__name__


class _Seen:
    """What one version answered over the window."""

    def __init__(self, parts: Any) -> None:  # noqa: ANN401 (an iterable of parts)
        import numpy as np  # noqa: PLC0415 (a recorder without a canary does without)

        parts = list(parts)
        nothing = np.empty(0)
        self.rows = sum(part.rows for part in parts)
        self.predictions = np.concatenate([nothing, *(part.predictions for part in parts)])
        self._costs_ms = [cost_ms for part in parts for cost_ms in part.costs_ms]

    def side(self) -> Side:
        return Side(rows=self.rows, errors=self.rows - len(self.predictions), costs_ms=self._costs_ms)


def _shift(canary: _Seen, champion: _Seen) -> float | None:
    if not len(canary.predictions) or not len(champion.predictions):
        return None
    from core.handlers.distribution import stability_index  # noqa: PLC0415 (it imports scipy)

    return stability_index(canary.predictions, champion.predictions)


def _part_of(entry: RecordEntry, version: str) -> _Part | None:
    """Return what a version answered by its route, None if nothing."""
    import numpy as np  # noqa: PLC0415

    chosen = np.array(
        [
            own == version and role in WATCHED
            for own, role in zip(entry.column("version"), entry.column("role"), strict=True)
        ]
    )
    if not chosen.any():
        return None
    predictions = _numbers(entry.column("prediction"))[chosen]
    return _Part(
        time=float(max(entry.column("time"))),
        rows=int(chosen.sum()),
        predictions=predictions[~np.isnan(predictions)],
        costs_ms=_costs_ms(entry, chosen),
    )


def _costs_ms(entry: RecordEntry, chosen: "NDArray[np.bool_]") -> list[float]:
    """Return the time of each batch that the chosen rows were in; rows of one batch have its times."""
    import numpy as np  # noqa: PLC0415

    if isinstance(entry.columns["request_id"], str):
        return []  # a batch request: its times are those of all its rows together, in however many batches
    times_ms = np.stack([_numbers(entry.column(name))[chosen] for name in ("features_ms", "predict_ms")])
    known_ms = times_ms[:, ~np.isnan(times_ms).any(axis=0)]
    return [float(cost_ms) for cost_ms in np.unique(known_ms, axis=1).sum(axis=0)]


def _numbers(values: Any) -> "FloatArray":  # noqa: ANN401 (a sequence of numbers and None)
    """Return values as an array, (n,) float64, NaN for None."""
    import numpy as np  # noqa: PLC0415

    return np.array(values, dtype=np.float64)
