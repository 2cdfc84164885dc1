"""Objects as a cluster holds them, and what users, controllers and older versions made of them."""

from __future__ import annotations

import copy
import re
from typing import Any

from hypothesis import strategies as st

from tests.control.world import accelerator_class, model_deployment, node, variant
from tests.hostile import nearly, texts
from trimtab.observe.cluster import (
    ANNOTATION_BATCH_CAP,
    ANNOTATION_FINGERPRINT,
    ANNOTATION_QUEUE_SIZE,
    LABEL_CLASS,
    LABEL_MODEL_DEPLOYMENT,
    LABEL_VARIANT,
)

Object = dict[str, Any]
_LABEL_VALUE = re.compile(r"(?=.{0,63}\Z)([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
NAMESPACE = "shop"
CANARY = "canary"
"""A model that nobody lays a hand on: what is done to others must not reach it."""

COMPRESSION = {
    "source": {"image": {"reference": "sources:1"}},
    "model": "digits/to_compress.py",
    "acceleratorClass": "cpu",
    "output": {"claimName": "models"},
}
CHECK = {"sample": {"configMap": {"name": "sample", "key": "sample.json"}}}
SPECS: list[Object] = [
    {},
    {"scaling": {"minReplicas": 2, "maxReplicas": 4}, "budget": {"perHour": "0.30"}},
    {"variants": [variant("fp32", "0.99", "40ms"), variant("int8")], "budgetRef": {"name": "b"}},
    {"scaling": {"mode": "Advise"}, "slo": {"latency": {"target": "1s"}, "minAccuracy": "0.9"}},
    {
        "scaling": {
            "mode": "Manual",
            "manual": {"variant": "int8", "acceleratorClass": "cpu", "replicas": 3},
        }
    },
    {"compression": COMPRESSION, "outputCheck": CHECK, "budgetRef": {"name": "b"}},
    {"triton": {"image": "t:1", "dynamicBatching": {"maxBatchSize": 8, "maxQueueSize": 50}}},
    {"objective": "MaximizeAccuracy", "budget": {"perHour": "0.5"}, "priority": 5},
]
PUBLISHED = {
    "name": "fast",
    "accuracy": "0.97",
    "source": {"persistentVolumeClaim": {"claimName": "models", "path": "a/fast"}},
    "acceleratorClasses": ["cpu"],
    "profile": [{"acceleratorClass": "cpu", "points": [{"batch": 1, "latency": "1ms"}]}],
}
STATUS: Object = {
    "observedGeneration": 3,
    "replicas": 2,
    "selector": "trimtab.dev/model-deployment=digits",
    "conditions": [
        {
            "type": kind,
            "status": "True",
            "reason": "Serving",
            "message": "All is well.",
            "observedGeneration": 3,
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }
        for kind in ("Ready", "Reconciling", "Stalled", "SLOMet", "CompressionSucceeded")
    ],
    "variants": [
        {
            "name": "int8",
            "acceleratorClass": "cpu",
            "replicas": 2,
            "readyReplicas": 1,
            "weight": 100,
        }
    ],
    "latency": {
        "observed": "41ms",
        "predicted": "39ms",
        "target": "50ms",
        "source": "TritonSummary",
        "estimated": False,
    },
    "cost": {"perHour": "0.20", "budgetPerHour": "0.30"},
    "decision": {
        "time": "2026-01-02T03:04:05Z",
        "action": "ScaleUp",
        "summary": "2 of int8 on cpu.",
        "wanted": {"variant": "int8", "acceleratorClass": "cpu", "replicas": 3},
        "decided": [
            {
                "variant": "int8",
                "acceleratorClass": "cpu",
                "replicas": 2,
                "costPerHour": "0.20",
                "accuracy": "0.98",
                "weight": 100,
            }
        ],
        "demandRate": "40 req/s",
        "constraints": [{"name": "Budget", "effect": "3 are wanted, 2 can be paid."}],
        "binding": "Budget",
        "alternatives": [
            {
                "variant": "fp32",
                "acceleratorClass": "cpu",
                "replicas": 4,
                "costPerHour": "0.40",
                "accuracy": "0.99",
                "whyNot": "It is dearer.",
            }
        ],
        "gap": "1 %",
        "nextChangeAllowedAt": "2026-01-02T03:09:05Z",
    },
    "summary": {
        "latency": "p99 41ms",
        "slo": "p99 50ms",
        "variants": "int8",
        "replicas": "1/2",
        "cost": "$0.20/h",
    },
    "responseCache": {"hitShare": "40 %"},
    "compression": {
        "phase": "Succeeded",
        "reason": "Published",
        "message": "fast",
        "sourceHash": "abc",
        "variants": [PUBLISHED],
    },
    "outputCheck": {
        "workloads": [
            {
                "variant": "int8",
                "acceleratorClass": "cpu",
                "agreed": 9,
                "items": 10,
                "time": "2026-01-02T03:04:05Z",
                "sourceHash": "a",
                "sampleHash": "b",
                "podTemplate": "c",
            }
        ]
    },
}


def budget(per_hour: str = "0.40", name: str = "b") -> Object:
    """An InferenceBudget."""
    return {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "InferenceBudget",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"perHour": per_hour},
    }


def deployment(model: str, name: str = "int8", replicas: int = 2) -> Object:
    """A child as it runs; the annotations are those that are read back."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": f"{model}-{name}-cpu",
            "namespace": NAMESPACE,
            "uid": f"uid-{model}-{name}",
            "generation": 2,
            "labels": labels(model, name),
            "annotations": {
                ANNOTATION_BATCH_CAP: "4",
                ANNOTATION_QUEUE_SIZE: "20",
                ANNOTATION_FINGERPRINT: "abcd",
            },
        },
        "spec": {"replicas": replicas, "template": {"metadata": {"labels": labels(model, name)}}},
        "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2},
    }


def labels(model: str, name: str) -> dict[str, str]:
    """By which children and pods are known."""
    return {
        LABEL_MODEL_DEPLOYMENT: model,
        LABEL_VARIANT: name,
        LABEL_CLASS: "cpu",
        "app.kubernetes.io/managed-by": "trimtab",
    }


def pod(model: str, name: str, index: int) -> Object:
    """A pod of that child, with everything of it that is read."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{model}-{name}-{index}",
            "namespace": NAMESPACE,
            "labels": {**labels(model, name), "pod-template-hash": "abc"},
            "creationTimestamp": "1970-01-12T13:00:00Z",
        },
        "spec": {
            "nodeName": "n1",
            "overhead": {"cpu": "10m"},
            "containers": [{"name": "triton", "resources": {"requests": {"cpu": "250m"}}}],
            "initContainers": [
                {"name": "i", "resources": {"requests": {"cpu": "1"}}, "restartPolicy": "Always"}
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.7",
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "lastTransitionTime": "1970-01-12T13:00:10Z",
                },
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},
            ],
            "containerStatuses": [
                {"name": "triton", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
            ],
        },
    }


def scaler() -> Object:
    """An HPA that writes the replicas of a child."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "theirs", "namespace": NAMESPACE},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "digits-int8-cpu"}},
    }


def scaled_object() -> Object:
    """KEDA's, whose schema is not the API server's own."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "theirs", "namespace": NAMESPACE},
        "spec": {"scaleTargetRef": {"name": "digits-int8-cpu"}, "triggers": []},
    }


def full_node() -> Object:
    """A node with a device, a taint and a label."""
    made = copy.deepcopy(node())
    made["metadata"] |= {"labels": {"zone": "a"}}
    made["spec"] = {"taints": [{"key": "a", "value": "b", "effect": "PreferNoSchedule"}]}
    made["status"]["allocatable"] |= {"nvidia.com/gpu": "2"}
    return made


@st.composite
def named(draw: st.DrawFn, document: Object, *, typed: bool, most: int = 3) -> Object:
    """A nearly right object: whatever was done to it, an API server gives it a name, a uid and
    labels and annotations that are maps of strings, those of labels as it takes them.
    """
    made = draw(nearly(st.just(document), most=most, typed=typed))
    if not isinstance(made, dict):
        made = {}
    meta = made.get("metadata")
    kept = meta if isinstance(meta, dict) else {}
    for field in ("labels", "annotations"):
        found = kept.get(field)
        if not isinstance(found, dict) or not all(
            isinstance(k, str) and isinstance(v, str) for k, v in found.items()
        ):
            kept.pop(field, None)
    if any(not _LABEL_VALUE.fullmatch(value) for value in kept.get("labels", {}).values()):
        kept.pop("labels")
    for field in ("creationTimestamp", "deletionTimestamp"):
        kept.pop(field, None)
    old = document["metadata"]
    kept |= {k: old[k] for k in ("name", "namespace", "creationTimestamp") if k in old}
    kept |= {"uid": f"uid-{old['name']}", "generation": draw(st.integers(0, 9))}
    if draw(st.sampled_from([False] * 9 + [True])):
        kept["deletionTimestamp"] = "1970-01-12T13:46:00Z"
    if draw(st.booleans()):
        kept["annotations"] = kept.get("annotations", {}) | draw(
            st.dictionaries(
                st.sampled_from([ANNOTATION_BATCH_CAP, ANNOTATION_QUEUE_SIZE, "theirs"]), texts
            )
        )
    _as_the_api_server_has_it(made, document)
    return {
        **made,
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": kept,
    }


def _as_the_api_server_has_it(made: Object, document: Object) -> None:
    """Times of a kind that it knows are times, and what it requires is there."""
    if document["kind"] == "Deployment":
        spec = made.get("spec")
        made["spec"] = spec if isinstance(spec, dict) else copy.deepcopy(document["spec"])
    for condition in (
        (made.get("status") or {}).get("conditions") or () if _is_builtin(document) else ()
    ):
        if isinstance(condition, dict):
            condition["lastTransitionTime"] = "1970-01-12T13:00:10Z"


def _is_builtin(document: Object) -> bool:
    return document["kind"] in ("Pod", "Node", "Deployment", "HorizontalPodAutoscaler", "Job")


models = st.sampled_from([model_deployment("digits", **spec) for spec in SPECS]).flatmap(
    lambda found: named({**found, "status": STATUS}, typed=False)
)
classes = st.sampled_from([accelerator_class(), accelerator_class(price=None)]).flatmap(
    lambda found: named(found, typed=False)
)
budgets = st.sampled_from(["0.40", "0", "9.99"]).flatmap(
    lambda amount: named(budget(amount), typed=False)
)
builtin = st.sampled_from(
    [
        *(pod("digits", "int8", i) for i in range(3)),
        pod("digits", "gone", 0),
        pod("stranger", "x", 0),
        deployment("digits"),
        deployment("digits", "gone", 1),
        scaler(),
        full_node(),
    ]
).flatmap(lambda found: named(found, typed=True))
keda = named(scaled_object(), typed=False)
