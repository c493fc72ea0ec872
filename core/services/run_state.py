"""Which state a run may go to."""

from statemachine import State, StateMachine
from statemachine.exceptions import TransitionNotAllowed

from core.schemas.run import RunEvent, RunState
from core.utilities.errors import RunStateError


class RunMachine(StateMachine):
    """A run: queued, running, failed, succeeded, cancelled.

    ``start`` from ``running`` is the takeover of a run whose process died; ``requeue`` leaves a failed one to a worker. A run that succeeded or was cancelled has ended.
    """

    queued = State(value=RunState.QUEUED.value, initial=True)
    running = State(value=RunState.RUNNING.value)
    failed = State(value=RunState.FAILED.value)
    succeeded = State(value=RunState.SUCCEEDED.value, final=True)
    cancelled = State(value=RunState.CANCELLED.value, final=True)

    start = queued.to(running) | failed.to(running) | running.to(running)
    requeue = failed.to(queued)
    fail = running.to(failed)
    succeed = running.to(succeeded)
    cancel = queued.to(cancelled) | running.to(cancelled) | failed.to(cancelled)


def next_state(state: RunState, event: RunEvent) -> RunState:
    """Return the state after ``event``.

    Raises
    ------
    RunStateError
        If that cannot happen in this state.

    Examples
    --------
    >>> next_state(RunState.FAILED, RunEvent.START)
    <RunState.RUNNING: 'running'>
    """
    machine = RunMachine(start_value=state.value)
    try:
        machine.send(event.value)
    except TransitionNotAllowed as error:
        raise RunStateError(f"a run that is {state.value} cannot {event.value}") from error
    return RunState(str(machine.current_state_value))
