"""Who may talk to whom, as the policies of each overlay say together."""

import pytest

from tests.boot.k8s.overlays import FULL, OVERLAYS, named, objects, pods
from tests.boot.k8s.policies import Peer, lets_in, lets_out, selects

pytestmark = pytest.mark.slow

HTTP, REDIS, POSTGRESQL, HTTPS, DNS = 8182, 6379, 5432, 443, 53
KEDA = Peer("keda", {"app": "keda-operator", "name": "keda-operator"})
"""The labels of its pods, by its manifests and its chart alike."""
STRANGER = Peer("elsewhere", {"app": "stranger"})
OUTSIDE = Peer("", {})


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def labels(overlay: str, name: str) -> dict[str, str]:
    found: dict[str, str] = pods(overlay)[name]["metadata"]["labels"]
    return found


def reach(overlay: str, source: str, target: str, port: int) -> bool:
    """Tell whether pods of ours reach others of ours: one side lets out, the other in."""
    policies = objects(overlay, "NetworkPolicy")
    one, other = labels(overlay, source), labels(overlay, target)
    return lets_out(policies, one, peer=Peer("tripcast", other), port=port) and lets_in(
        policies, other, peer=Peer("tripcast", one), port=port
    )


def test_redis_is_reached_by_its_clients_alone(overlay: str) -> None:
    policies = objects(overlay, "NetworkPolicy")
    for name in set(pods(overlay)) - {"redis"}:
        assert reach(overlay, name, "redis", REDIS), name
    for peer in (KEDA, STRANGER, OUTSIDE):
        assert not lets_in(policies, labels(overlay, "redis"), peer=peer, port=REDIS)


def test_the_autoscaler_reaches_web_also_where_others_no_longer_may(overlay: str) -> None:
    policies = objects(overlay, "NetworkPolicy")
    assert lets_in(policies, labels(overlay, "web"), peer=KEDA, port=HTTP)
    narrowed = [policy for policy in policies if policy["metadata"]["name"] != "web"]
    assert lets_in(narrowed, labels(overlay, "web"), peer=KEDA, port=HTTP)
    assert not lets_in(narrowed, labels(overlay, "web"), peer=STRANGER, port=HTTP)


def test_callers_reach_web_and_nothing_else(overlay: str) -> None:
    policies = objects(overlay, "NetworkPolicy")
    for name in pods(overlay):
        for port in (HTTP, REDIS, POSTGRESQL, HTTPS):
            for peer in (STRANGER, OUTSIDE):
                expected = (name, port) == ("web", HTTP)
                assert lets_in(policies, labels(overlay, name), peer=peer, port=port) is expected, (name, port)


def test_only_the_pipeline_reaches_the_internet_and_others_their_storage_where_there_is_one(overlay: str) -> None:
    policies = objects(overlay, "NetworkPolicy")
    out = {name for name in pods(overlay) if lets_out(policies, labels(overlay, name), peer=OUTSIDE, port=HTTPS)}
    assert out == ({"pipeline", "worker", "recorder"} if overlay == FULL else {"pipeline"})


def test_the_port_of_the_storage_is_said_once_for_all_who_use_it() -> None:
    selector = named(FULL, "NetworkPolicy", "to-store")["spec"]["podSelector"]
    assert {name for name in pods(FULL) if selects(selector, labels(FULL, name))} == {"worker", "pipeline", "recorder"}


def test_those_that_need_it_reach_the_database_and_all_find_names(overlay: str) -> None:
    policies = objects(overlay, "NetworkPolicy")
    out = {name for name in pods(overlay) if lets_out(policies, labels(overlay, name), peer=OUTSIDE, port=POSTGRESQL)}
    assert out == ({"web", "pipeline", "recorder"} if overlay == FULL else {"web", "pipeline"})
    assert all(lets_out(policies, labels(overlay, name), peer=OUTSIDE, port=DNS) for name in pods(overlay))


def test_workers_do_not_reach_web(overlay: str) -> None:
    assert not reach(overlay, "worker", "web", HTTP)
