"""The Kubernetes overlays: valid against the schemas, and as hardened as the compose project."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.boot.docker.tools import tool
from tests.boot.k8s.overlays import FOLDER, OVERLAYS, named, objects, pods, render
from tests.boot.k8s.scaled_object import complaints

pytestmark = pytest.mark.slow

REFUSED = {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_valid_to_the_letter(overlay: str, tmp_path: Path) -> None:
    ours = [item for item in objects(overlay) if not item["apiVersion"].startswith("keda.sh/")]
    file = tmp_path / "overlay.yaml"
    file.write_text(yaml.safe_dump_all(ours))
    done = subprocess.run([tool("kubernetes-validate"), "--strict", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count(" passed for resource ") == len(ours)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_for_keda_is_valid_to_the_letter(overlay: str) -> None:
    found = [item for item in objects(overlay) if item["apiVersion"].startswith("keda.sh/")]
    assert [complaints(item) for item in found] == [[]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_is_in_one_namespace_and_marked_as_ours(overlay: str) -> None:
    for item in objects(overlay):
        assert item["metadata"].get("namespace", "tripcast") == "tripcast"
        assert item["kind"] == "Namespace" or "namespace" in item["metadata"], item["metadata"]["name"]
        assert item["metadata"]["labels"]["app.kubernetes.io/part-of"] == "tripcast", item["metadata"]["name"]


def test_every_component_is_part_of_an_overlay() -> None:
    """Else nobody would notice what is wrong with it."""
    named = {
        Path(component).name
        for overlay in OVERLAYS
        for component in yaml.safe_load((FOLDER / "overlays" / overlay / "kustomization.yaml").read_text())[
            "components"
        ]
    }
    assert named == {path.name for path in (FOLDER / "components").iterdir()}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_image_of_ours_has_a_tag_that_the_overlay_names(overlay: str) -> None:
    for name, template in pods(overlay).items():
        for container in (*template["spec"].get("initContainers", ()), *template["spec"]["containers"]):
            assert ":" in container["image"], name


def test_the_base_needs_no_keda() -> None:
    assert "keda" not in render(FOLDER / "base").lower()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_is_hardened(overlay: str) -> None:
    found = pods(overlay)
    assert set(found) >= {"redis", "web", "worker", "pipeline"}
    for name, template in found.items():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            assert container["securityContext"] == REFUSED, name
            assert "memory" in container["resources"]["limits"], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_tells_when_it_can_work(overlay: str) -> None:
    for name, template in pods(overlay).items():
        for container in template["spec"]["containers"]:
            probe = container["readinessProbe"]
            if name not in {"web", "redis"}:
                assert probe["exec"]["command"] == ["python", "-m", "boot.probe", name]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_service_becomes_a_setting(overlay: str) -> None:
    assert {name: template["spec"]["enableServiceLinks"] for name, template in pods(overlay).items()} == dict.fromkeys(
        pods(overlay), False
    )


def test_the_gpu_overlay_alone_asks_for_a_gpu() -> None:
    asks = {
        overlay: "nvidia.com/gpu" in pods(overlay)["worker"]["spec"]["containers"][0]["resources"]["limits"]
        for overlay in OVERLAYS
    }
    assert asks == {overlay: overlay.startswith("gpu") for overlay in OVERLAYS}


def test_a_new_worker_needs_no_gpu_beside_those_that_are_taken() -> None:
    """As many workers as GPUs: a rollout that starts with one more would never go on."""
    rolling = named("gpu", "Deployment", "worker")["spec"]["strategy"]["rollingUpdate"]
    assert (rolling["maxSurge"], rolling["maxUnavailable"]) == (0, 1)


def test_workers_may_run_where_only_what_uses_a_gpu_may() -> None:
    tolerated = {overlay: pods(overlay)["worker"]["spec"].get("tolerations", []) for overlay in OVERLAYS}
    expected = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert tolerated == {overlay: expected if overlay == "gpu" else [] for overlay in OVERLAYS}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_is_part_of_an_overlay(overlay: str) -> None:
    assert objects(overlay, "Secret") == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_template_of_the_secret_names_each_key_that_pods_take_from_it(overlay: str) -> None:
    template = (FOLDER / "base" / "secret.template.yaml").read_text()
    for name, wanted in keys_by_pod(overlay).items():
        for key, optional in wanted.items():
            assert re.search(rf"^ +{'# ' if optional else ''}{key}: ", template, re.MULTILINE), (name, key)


def test_the_keys_of_the_storage_go_to_those_alone_who_reach_it() -> None:
    having = {
        overlay: {name for name, keys in keys_by_pod(overlay).items() if "AWS_SECRET_ACCESS_KEY" in keys}
        for overlay in OVERLAYS
    }
    assert having == {
        overlay: {"worker", "pipeline", "recorder"} if overlay == "full" else set() for overlay in OVERLAYS
    }


def keys_by_pod(overlay: str) -> dict[str, dict[str, bool]]:
    """Return which keys of the Secret each pod takes, and whether it starts without."""
    return {
        name: {
            source["secretKeyRef"]["key"]: source["secretKeyRef"].get("optional", False)
            for container in template["spec"]["containers"]
            for variable in container.get("env", ())
            if "secretKeyRef" in (source := variable.get("valueFrom", {}))
        }
        for name, template in pods(overlay).items()
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_budget_lets_one_pod_go_and_is_about_pods_that_exist(overlay: str) -> None:
    labels = {name: template["metadata"]["labels"] for name, template in pods(overlay).items()}
    budgets = objects(overlay, "PodDisruptionBudget")
    assert {budget["metadata"]["name"] for budget in budgets} == {"web", "worker"}
    for budget in budgets:
        assert budget["spec"]["maxUnavailable"] == 1
        wanted = budget["spec"]["selector"]["matchLabels"].items()
        assert [name for name, found in labels.items() if wanted <= found.items()] == [budget["metadata"]["name"]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_service_leads_to_a_port_of_its_pods(overlay: str) -> None:
    for service in objects(overlay, "Service"):
        wanted = service["spec"]["selector"].items()
        [template] = [one for one in pods(overlay).values() if wanted <= one["metadata"]["labels"].items()]
        ports = {port["name"] for container in template["spec"]["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_web_is_scaled_on_its_processors(overlay: str) -> None:
    scaler = named(overlay, "HorizontalPodAutoscaler", "web")["spec"]
    assert (scaler["scaleTargetRef"]["name"], scaler["minReplicas"]) == ("web", 2)
    assert [metric["resource"]["name"] for metric in scaler["metrics"]] == ["cpu"]
    [container] = pods(overlay)["web"]["spec"]["containers"]
    assert "cpu" in container["resources"]["requests"], "a share of nothing cannot be told"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_that_share_a_volume_of_one_node_look_for_each_other(overlay: str) -> None:
    """Whichever of them is moved would else wait for a volume that another node holds."""
    users: dict[str, set[str]] = {}
    for name, template in pods(overlay).items():
        for volume in template["spec"].get("volumes", ()):
            if "persistentVolumeClaim" in volume:
                users.setdefault(volume["persistentVolumeClaim"]["claimName"], set()).add(name)
    assert {claim for claim, names in users.items() if len(names) > 1} == (
        {"pipeline-data"} if overlay == "full" else set()
    )
    for names in users.values():
        for name in names:
            assert names - {name} <= sought(pods(overlay)[name]["spec"].get("affinity", {}).get("podAffinity", {}))


def sought(affinity: dict[str, Any]) -> set[str]:
    """Return the names of the pods on whose node a pod wants, or has, to be."""
    terms = list(affinity.get("requiredDuringSchedulingIgnoredDuringExecution", ()))
    terms += [one["podAffinityTerm"] for one in affinity.get("preferredDuringSchedulingIgnoredDuringExecution", ())]
    return {
        term["labelSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for term in terms
        if term["topologyKey"] == "kubernetes.io/hostname"
    }
