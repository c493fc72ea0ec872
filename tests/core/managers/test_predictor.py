import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.managers.model_cache import ModelCache
from core.managers.predictor import BatchPredictor, Compute, Job
from core.schemas.catalog import TRIP_DURATION
from core.schemas.outcome import BatchOutcome, RowErrorCode
from core.schemas.wire import Columns, PredictRowsReply, PredictRowsRequest

LATER, EARLIER = 60.0, -1.0


class Runs:
    """Runs computations here, and remembers what they were given and what the predictor said of itself."""

    def __init__(self) -> None:
        self.columns: list[Columns] = []
        self.predictor: BatchPredictor | None = None
        self.seen: list[tuple[int, float | None]] = []
        self.first: list[bool] = []

    def __call__(self, function: Compute, jobs: Sequence[Job], *, first: bool) -> list[BatchOutcome]:
        assert self.predictor is not None
        self.first.append(first)
        self.columns.extend(job.columns for job in jobs)
        self.seen.append((self.predictor.rows_in_hand, self.predictor.busy_since))
        return function(jobs)


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def predictor(version: Path, runs: Runs) -> BatchPredictor:
    models = ModelCache(
        [TRIP_DURATION], models_dir=version.parents[1], bare={}, versions={TRIP_DURATION.model: version.name}
    )
    runs.predictor = BatchPredictor(models, worker="w", run=runs)
    return runs.predictor


def request(
    *timeouts_s: float, miles: Sequence[float] = (), version: str | None = None, model: str = "trip_duration"
) -> PredictRowsRequest:
    """Rows with these times until their deadlines."""
    count = len(timeouts_s)
    return PredictRowsRequest(
        model=model,
        version=version,
        columns={
            "PULocationID": [130] * count,
            "DOLocationID": [205] * count,
            "trip_distance": list(miles) or [1.0 + number for number in range(count)],
        },
        ids=[str(number) for number in range(count)],
        deadlines=[time.time() + timeout_s for timeout_s in timeouts_s],
    )


def codes(reply: PredictRowsReply) -> dict[int, RowErrorCode]:
    return {index: error.code for index, error in reply.outcome.errors.items()}


def test_a_batch_is_predicted_as_one(predictor: BatchPredictor, runs: Runs, version: Path) -> None:
    reply = predictor.compute(request(LATER, LATER, LATER), queue_ms=4.0)
    assert (len(runs.columns), codes(reply)) == (1, {})
    assert (reply.model, reply.version, reply.worker, reply.queue_ms) == ("trip_duration", version.name, "w", 4.0)
    alone = [predictor.compute(request(LATER, miles=[miles])).outcome.predictions[0] for miles in (1.0, 2.0, 3.0)]
    assert reply.outcome.predictions == alone


def test_rows_past_their_deadline_are_not_computed_and_the_others_keep_their_places(
    predictor: BatchPredictor, runs: Runs
) -> None:
    whole = predictor.compute(request(LATER, LATER, LATER, LATER)).outcome.predictions
    reply = predictor.compute(request(EARLIER, LATER, EARLIER, LATER))
    assert runs.columns[-1]["trip_distance"] == [2.0, 4.0]
    assert reply.outcome.predictions == [None, whole[1], None, whole[3]]
    assert codes(reply) == {0: RowErrorCode.DEADLINE_PASSED, 2: RowErrorCode.DEADLINE_PASSED}


def test_a_batch_that_nobody_waits_for_any_more_is_not_computed_at_all(predictor: BatchPredictor, runs: Runs) -> None:
    reply = predictor.compute(request(EARLIER, EARLIER))
    assert runs.columns == []
    assert set(codes(reply).values()) == {RowErrorCode.DEADLINE_PASSED}


def test_a_row_out_of_range_fails_alone_also_beside_a_late_one(predictor: BatchPredictor) -> None:
    reply = predictor.compute(request(EARLIER, LATER, LATER, miles=[1.0, -5.0, 3.0]))
    assert codes(reply) == {0: RowErrorCode.DEADLINE_PASSED, 1: RowErrorCode.INVALID_ROW}
    assert reply.outcome.predictions[2] is not None


@pytest.mark.parametrize("asked", [{"version": "other"}, {"model": "other"}])
def test_a_version_that_is_not_held_fails_every_row_and_names_what_was_asked_for(
    predictor: BatchPredictor, runs: Runs, asked: dict[str, str]
) -> None:
    reply = predictor.compute(request(LATER, LATER, **asked))  # type: ignore[arg-type]  # version or model
    assert codes(reply) == dict.fromkeys(range(2), RowErrorCode.UNKNOWN_VERSION)
    assert runs.columns == []


def test_the_version_held_can_be_asked_for_by_name(predictor: BatchPredictor, version: Path) -> None:
    assert codes(predictor.compute(request(LATER, version=version.name))) == {}


def test_a_batch_comes_first_unless_it_is_a_chunk(predictor: BatchPredictor, runs: Runs) -> None:
    predictor.compute(request(LATER))
    predictor.compute(request(LATER), first=False)
    predictor.compute(request(LATER, EARLIER), first=False)
    assert runs.first == [True, False, False]


def test_batches_of_one_message_are_computed_in_one_turn_and_each_answered_by_its_version(
    predictor: BatchPredictor, runs: Runs
) -> None:
    parts = [
        request(LATER, LATER),
        request(LATER, version="other"),
        request(EARLIER),
        request(EARLIER, LATER, miles=[1.0, 2.0]),
    ]
    replies = predictor.compute_together(parts, queue_ms=3.0)
    assert [len(reply.outcome.predictions) for reply in replies] == [2, 1, 1, 2]
    assert [codes(reply) for reply in replies] == [
        {},
        {0: RowErrorCode.UNKNOWN_VERSION},
        {0: RowErrorCode.DEADLINE_PASSED},
        {0: RowErrorCode.DEADLINE_PASSED},
    ]
    assert replies[3].outcome.predictions[1] == replies[0].outcome.predictions[1]
    assert (runs.first, runs.seen) == ([True], [(5, None)])
    assert predictor.rows_done == 5


def test_an_empty_batch_has_an_empty_reply(predictor: BatchPredictor, runs: Runs) -> None:
    reply = predictor.compute(request())
    assert (reply.outcome.predictions, reply.outcome.errors, runs.columns) == ([], {}, [])


def test_every_reply_can_be_read_by_its_receiver(predictor: BatchPredictor) -> None:
    reply = predictor.compute(request(EARLIER, LATER, LATER, miles=[1.0, -5.0, 3.0]))
    assert PredictRowsReply.decode(reply.encode(), rows=3) == reply


def test_rows_are_in_hand_while_they_are_computed_and_counted_when_done(predictor: BatchPredictor, runs: Runs) -> None:
    predictor.compute(request(LATER, LATER))
    assert runs.seen == [(2, None)]
    assert (predictor.rows_in_hand, predictor.rows_done) == (0, 2)


def test_a_computation_that_raises_leaves_nothing_in_hand(version: Path) -> None:
    def fail(function: Compute, jobs: Sequence[Job], *, first: bool) -> list[BatchOutcome]:
        raise RuntimeError("the pool is closed")

    models = ModelCache(
        [TRIP_DURATION], models_dir=version.parents[1], bare={}, versions={TRIP_DURATION.model: version.name}
    )
    predictor = BatchPredictor(models, worker="w", run=fail)
    with pytest.raises(RuntimeError):
        predictor.compute(request(LATER))
    assert (predictor.rows_in_hand, predictor.rows_done, predictor.busy_since) == (0, 0, None)


def test_the_predictor_is_busy_exactly_while_the_model_computes(version: Path) -> None:
    def run(function: Compute, jobs: Sequence[Job], *, first: bool) -> list[BatchOutcome]:
        assert predictor.busy_since is None
        [(model, columns)] = jobs
        spied = {"trip_distance": SpyingColumn(columns["trip_distance"]), **_others(columns)}
        outcomes = function([Job(model, spied)])
        assert predictor.busy_since is None
        return outcomes

    class SpyingColumn(list[float]):
        def __len__(self) -> int:
            busy.append(predictor.busy_since)
            return super().__len__()

    busy: list[float | None] = []
    models = ModelCache(
        [TRIP_DURATION], models_dir=version.parents[1], bare={}, versions={TRIP_DURATION.model: version.name}
    )
    predictor = BatchPredictor(models, worker="w", run=run)
    before = time.monotonic()
    predictor.compute(request(LATER))
    assert busy
    assert all(since is not None and before <= since <= time.monotonic() for since in busy)


def _others(columns: Columns) -> Columns:
    return {name: values for name, values in columns.items() if name != "trip_distance"}
