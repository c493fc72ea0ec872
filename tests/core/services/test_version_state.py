import pytest

from core.schemas.version import VersionEvent, VersionState
from core.services.version_state import next_state
from core.utilities.errors import VersionStateError

ALLOWED = {
    (VersionState.CANDIDATE, VersionEvent.APPROVE): VersionState.APPROVED,
    (VersionState.CANDIDATE, VersionEvent.RETIRE): VersionState.RETIRED,
    (VersionState.APPROVED, VersionEvent.FREEZE): VersionState.FROZEN,
    (VersionState.APPROVED, VersionEvent.RETIRE): VersionState.RETIRED,
}


@pytest.mark.parametrize("state", VersionState)
@pytest.mark.parametrize("event", VersionEvent)
def test_a_version_goes_only_where_it_may(state: VersionState, event: VersionEvent) -> None:
    if (state, event) in ALLOWED:
        assert next_state(state, event) is ALLOWED[state, event]
    else:
        with pytest.raises(VersionStateError, match=f"a version that is {state} cannot {event}") as refused:
            next_state(state, event)
        told = str(refused.value).partition(", only ")[2]
        assert told.split(" or ") == [known.value for start, known in ALLOWED if start is state] or [""]
