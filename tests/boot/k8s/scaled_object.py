"""What KEDA takes for a ScaledObject, as a JSON schema, and for the trigger that is used here.

Written from KEDA's reference of the object and of the scaler ``metrics-api`` (versions 2.16 to 2.20), not copied from
its custom resource definition: nothing but the documented fields is let through, and trigger metadata, which the
definition leaves open, is checked too.
"""

from typing import Any

from jsonschema import Draft202012Validator

_COUNT = {"type": "integer", "minimum": 0}
_POSITIVE = {"type": "integer", "minimum": 1}
_NUMBER_AS_TEXT = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}


def _strict(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_RULES = _strict(
    {
        "stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600},
        "selectPolicy": {"enum": ["Max", "Min", "Disabled"]},
        "policies": {
            "type": "array",
            "minItems": 1,
            "items": _strict(
                {
                    "type": {"enum": ["Pods", "Percent"]},
                    "value": _POSITIVE,
                    "periodSeconds": {"type": "integer", "minimum": 1, "maximum": 1800},
                },
                "type",
                "value",
                "periodSeconds",
            ),
        },
    }
)
_METRICS_API = _strict(
    {
        "url": {"type": "string", "pattern": "^https?://"},
        "valueLocation": {"type": "string", "minLength": 1},
        "format": {"enum": ["json", "xml", "yaml", "prometheus"]},
        "targetValue": _NUMBER_AS_TEXT,
        "activationTargetValue": _NUMBER_AS_TEXT,
        "unsafeSsl": {"enum": ["true", "false"]},
        "authMode": {"enum": ["apiKey", "basic", "tls", "bearer"]},
    },
    "url",
    "valueLocation",
    "targetValue",
)
SCHEMA = _strict(
    {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "ScaledObject"},
        "metadata": {"type": "object", "required": ["name", "namespace"]},
        "spec": _strict(
            {
                "scaleTargetRef": _strict(
                    {
                        "apiVersion": {"type": "string"},
                        "kind": {"type": "string"},
                        "name": {"type": "string"},
                        "envSourceContainerName": {"type": "string"},
                    },
                    "name",
                ),
                "pollingInterval": _POSITIVE,
                "cooldownPeriod": _COUNT,
                "initialCooldownPeriod": _COUNT,
                "idleReplicaCount": {"const": 0},
                "minReplicaCount": _COUNT,
                "maxReplicaCount": _POSITIVE,
                "fallback": _strict(
                    {
                        "failureThreshold": _POSITIVE,
                        "replicas": _COUNT,
                        "behavior": {
                            "enum": ["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"]
                        },
                    },
                    "failureThreshold",
                    "replicas",
                ),
                "advanced": _strict(
                    {
                        "restoreToOriginalReplicaCount": {"type": "boolean"},
                        "horizontalPodAutoscalerConfig": _strict(
                            {
                                "name": {"type": "string"},
                                "behavior": _strict({"scaleUp": _RULES, "scaleDown": _RULES}),
                            }
                        ),
                    }
                ),
                "triggers": {
                    "type": "array",
                    "minItems": 1,
                    "items": _strict(
                        {
                            "type": {"const": "metrics-api"},
                            "name": {"type": "string"},
                            "metricType": {"enum": ["AverageValue", "Value"]},
                            "useCachedMetrics": {"type": "boolean"},
                            "authenticationRef": _strict(
                                {"name": {"type": "string"}, "kind": {"type": "string"}}, "name"
                            ),
                            "metadata": _METRICS_API,
                        },
                        "type",
                        "metadata",
                    ),
                },
            },
            "scaleTargetRef",
            "triggers",
        ),
    },
    "apiVersion",
    "kind",
    "metadata",
    "spec",
)


def complaints(scaled_object: dict[str, Any]) -> list[str]:
    """Return what KEDA would not understand, one line each."""
    errors = Draft202012Validator(SCHEMA).iter_errors(scaled_object)
    return [f"{error.json_path}: {error.message}" for error in errors]
