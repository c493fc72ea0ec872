"""Whether network policies let a packet through, by the rules of Kubernetes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Peer:
    """A pod of some namespace; no labels at all: something outside of the cluster."""

    namespace: str
    pod: Labels


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Tell whether a label selector takes these labels; an empty one takes all."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for rule in selector.get("matchExpressions", ()):
        assert rule["operator"] == "In", rule
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


def lets_in(policies: Iterable[Mapping[str, Any]], pod: Labels, *, peer: Peer, port: int) -> bool:
    """Tell whether a pod of the policies' namespace takes connections from a peer."""
    return _lets(policies, pod, direction="ingress", side="from", peer=peer, port=port)


def lets_out(policies: Iterable[Mapping[str, Any]], pod: Labels, *, peer: Peer, port: int) -> bool:
    """Tell whether a pod of the policies' namespace may connect to a peer."""
    return _lets(policies, pod, direction="egress", side="to", peer=peer, port=port)


def _lets(
    policies: Iterable[Mapping[str, Any]], pod: Labels, *, direction: str, side: str, peer: Peer, port: int
) -> bool:
    about = [
        policy
        for policy in policies
        if direction.capitalize() in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], pod)
    ]
    if not about:
        return True
    rules = [(policy, rule) for policy in about for rule in policy["spec"].get(direction, ())]
    return any(
        (not rule.get("ports") or port in {allowed["port"] for allowed in rule["ports"]})
        and (not rule.get(side) or any(_is_peer(policy, one, peer) for one in rule[side]))
        for policy, rule in rules
    )


def _is_peer(policy: Mapping[str, Any], allowed: Mapping[str, Any], peer: Peer) -> bool:
    if not peer.pod:
        return False
    own = policy["metadata"]["namespace"]
    if "namespaceSelector" in allowed:
        here = selects(allowed["namespaceSelector"], {"kubernetes.io/metadata.name": peer.namespace})
    else:
        here = peer.namespace == own
    return here and selects(allowed.get("podSelector", {}), peer.pod)
