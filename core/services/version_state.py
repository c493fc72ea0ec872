"""Which state a version may go to."""

from statemachine import State, StateMachine
from statemachine.exceptions import TransitionNotAllowed

from core.schemas.version import VersionEvent, VersionState
from core.utilities.errors import VersionStateError


class VersionMachine(StateMachine):
    """A version: candidate, approved, frozen, retired. The last two are final: an auditor relies on a frozen one."""

    candidate = State(value=VersionState.CANDIDATE.value, initial=True)
    approved = State(value=VersionState.APPROVED.value)
    frozen = State(value=VersionState.FROZEN.value, final=True)
    retired = State(value=VersionState.RETIRED.value, final=True)

    approve = candidate.to(approved)
    freeze = approved.to(frozen)
    retire = candidate.to(retired) | approved.to(retired)


def next_state(state: VersionState, event: VersionEvent) -> VersionState:
    """Return the state after ``event``.

    Raises
    ------
    VersionStateError
        If that cannot happen in this state.

    Examples
    --------
    >>> next_state(VersionState.APPROVED, VersionEvent.FREEZE)
    <VersionState.FROZEN: 'frozen'>
    """
    machine = VersionMachine(start_value=state.value)
    try:
        machine.send(event.value)
    except TransitionNotAllowed as error:
        allowed = " or ".join(known.id for known in machine.allowed_events)
        only = f", only {allowed}" if allowed else ""
        raise VersionStateError(f"a version that is {state.value} cannot {event.value}{only}") from error
    return VersionState(str(machine.current_state_value))
