from hypothesis import given
from hypothesis import strategies as st

from core.schemas.route import Canary
from core.services.routing import is_in_share
from core.services.sampling import is_recorded

IDS = [str(number) for number in range(20_000)]
shares = st.floats(0, 1)


@given(st.text(), shares)
def test_the_same_request_gets_the_same_answer(request_id: str, share: float) -> None:
    assert is_recorded(request_id, share) == is_recorded(request_id, share)


@given(st.text())
def test_all_or_none_are_recorded_at_the_ends(request_id: str) -> None:
    assert is_recorded(request_id, 1.0)
    assert not is_recorded(request_id, 0.0)


@given(st.text(), shares, shares)
def test_a_larger_share_keeps_those_of_a_smaller_one(request_id: str, one: float, other: float) -> None:
    assert not is_recorded(request_id, min(one, other)) or is_recorded(request_id, max(one, other))


def test_the_share_is_met() -> None:
    # Five standard deviations of a binomial share of 20,000.
    assert abs(sum(is_recorded(request_id, 0.1) for request_id in IDS) / len(IDS) - 0.1) < 0.011


def test_the_sample_is_independent_of_the_canarys() -> None:
    canary = Canary(version="v2", share=0.1)
    answered = [request_id for request_id in IDS if is_in_share(canary, request_id)]
    recorded = sum(is_recorded(request_id, 0.1) for request_id in answered)
    assert abs(recorded / len(answered) - 0.1) < 0.035
