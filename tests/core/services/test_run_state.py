import pytest

from core.schemas.run import RunEvent, RunState
from core.services.run_state import next_state
from core.utilities.errors import RunStateError

ALLOWED = {
    (RunState.QUEUED, RunEvent.START): RunState.RUNNING,
    (RunState.QUEUED, RunEvent.CANCEL): RunState.CANCELLED,
    (RunState.RUNNING, RunEvent.START): RunState.RUNNING,
    (RunState.RUNNING, RunEvent.FAIL): RunState.FAILED,
    (RunState.RUNNING, RunEvent.SUCCEED): RunState.SUCCEEDED,
    (RunState.RUNNING, RunEvent.CANCEL): RunState.CANCELLED,
    (RunState.FAILED, RunEvent.START): RunState.RUNNING,
    (RunState.FAILED, RunEvent.REQUEUE): RunState.QUEUED,
    (RunState.FAILED, RunEvent.CANCEL): RunState.CANCELLED,
}


@pytest.mark.parametrize("state", RunState)
@pytest.mark.parametrize("event", RunEvent)
def test_a_run_goes_only_where_it_may(state: RunState, event: RunEvent) -> None:
    if (state, event) in ALLOWED:
        assert next_state(state, event) is ALLOWED[state, event]
    else:
        with pytest.raises(RunStateError, match=f"a run that is {state} cannot {event}"):
            next_state(state, event)
