"""Workers by the rows that wait: what KEDA is told exists, and nobody else sets their number."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from apps.api.main import create_app
from config import Settings
from core.schemas.backlog import Backlog
from tests.boot.k8s.overlays import OVERLAYS, named, objects, pods
from tests.boot.k8s.scaled_object import complaints

pytestmark = pytest.mark.slow

TO_ZERO = "cpu-to-zero"


def scaled_object(overlay: str) -> dict[str, Any]:
    found: dict[str, Any] = named(overlay, "ScaledObject", "worker")["spec"]
    return found


def settings(overlay: str) -> dict[str, str]:
    """Return the settings that the containers get."""
    [found] = [
        item for item in objects(overlay, "ConfigMap") if item["metadata"]["name"].startswith("tripcast-settings-")
    ]
    data: dict[str, str] = found["data"]
    return data


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_number_that_keda_reads_is_one_that_web_tells(overlay: str) -> None:
    [trigger] = scaled_object(overlay)["triggers"]
    url = urlsplit(trigger["metadata"]["url"])
    service = named(overlay, "Service", "web")
    assert url.netloc == f"web.{service['metadata']['namespace']}.svc"
    assert (url.scheme, service["spec"]["ports"][0]["port"]) == ("http", 80)
    described = create_app(Settings()).openapi()["paths"][url.path]["get"]["responses"]["200"]
    assert described["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{Backlog.__name__}"}
    assert Backlog.model_fields[trigger["metadata"]["valueLocation"]].annotation is int


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_but_the_autoscalers_sets_how_many_there_are(overlay: str) -> None:
    scaled = {item["spec"]["scaleTargetRef"]["name"] for item in objects(overlay, "HorizontalPodAutoscaler")}
    scaled |= {item["spec"]["scaleTargetRef"]["name"] for item in objects(overlay, "ScaledObject")}
    assert scaled == {"web", "worker"}
    for name in scaled:
        assert "replicas" not in named(overlay, "Deployment", name)["spec"], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_requests_wait_for_a_worker_where_there_may_be_none_and_only_there(overlay: str) -> None:
    to_zero = scaled_object(overlay)["minReplicaCount"] == 0
    assert to_zero == (overlay == TO_ZERO)
    assert settings(overlay).get("SCALE_TO_ZERO", "off") == ("on" if to_zero else "off")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_worker_can_be_there_before_a_deadline_and_goes_later_than_the_next_request(overlay: str) -> None:
    spec = scaled_object(overlay)
    assert spec["pollingInterval"] <= Settings().request_timeout_s / 10
    assert spec["cooldownPeriod"] >= Settings().request_timeout_s
    assert spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]
    assert spec["fallback"]["replicas"] > 0, "where nothing is known, somebody must be there"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_node_that_is_emptied_or_fails_leaves_somebody(overlay: str) -> None:
    least = {
        "web": named(overlay, "HorizontalPodAutoscaler", "web")["spec"]["minReplicas"],
        "worker": scaled_object(overlay)["minReplicaCount"],
    }
    assert least == {"web": 2, "worker": 0 if overlay == TO_ZERO else 2}
    for name in least:
        template = pods(overlay)[name]
        [spread] = template["spec"]["topologySpreadConstraints"]
        assert spread["topologyKey"] == "kubernetes.io/hostname"
        assert spread["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_worker_that_goes_may_finish_what_it_has_in_hand(overlay: str) -> None:
    assert pods(overlay)["worker"]["spec"]["terminationGracePeriodSeconds"] >= Settings().model_timeout_s


def test_the_schema_lets_nothing_wrong_through() -> None:
    """Else the test of the overlays could not fail."""
    right = named("cpu", "ScaledObject", "worker")
    spec, [trigger] = right["spec"], right["spec"]["triggers"]
    metadata = trigger["metadata"]
    wrong = [
        {**spec, "minReplicas": 1},
        {**spec, "pollingInterval": "5"},
        {name: value for name, value in spec.items() if name != "scaleTargetRef"},
        {**spec, "triggers": []},
        {**spec, "triggers": [{**trigger, "metricType": "Utilization"}]},
        {**spec, "triggers": [{**trigger, "metadata": {**metadata, "targetValue": 500}}]},
        {**spec, "triggers": [{**trigger, "metadata": {**metadata, "valuelocation": "rows_waiting"}}]},
        {**spec, "fallback": {"replicas": 2}},
    ]
    assert complaints(right) == []
    assert [index for index, one in enumerate(wrong) if not complaints({**right, "spec": one})] == []
