"""What is deployed: nodes, classes, budgets and models, the same for the same numbers. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

GROUP = "trimtab.dev/v1alpha1"
MODELS_A_NAMESPACE = 50
MODELS_A_BUDGET = 12
_VARIANTS = (("fp32", 1.0), ("fp16", 0.6), ("int8", 0.4), ("pruned", 0.3), ("distilled", 0.2))
# Name, what a replica asks for, price, speed against the CPU, share of the nodes.
_CLASSES = (
    ("cpu", {"cpu": "4"}, "0.17", 1.0, 0.5),
    ("l4", {"nvidia.com/gpu": "1"}, "0.80", 6.0, 0.4),
    ("a100", {"nvidia.com/gpu": "1"}, "3.67", 28.0, 0.1),
)
_PRODUCTS = {"l4": "NVIDIA-L4", "a100": "NVIDIA-A100"}
_BATCHES = (1, 4, 8, 16)

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its name, its mean load in requests per second, and how long the heaviest variant
    takes for one request on the CPU class."""

    index: int
    rate: float
    service_s: float

    @property
    def name(self) -> str:
        return f"model-{self.index:05d}"

    @property
    def namespace(self) -> str:
        return f"team-{self.index // MODELS_A_NAMESPACE:03d}"

    @property
    def budget(self) -> str:
        return f"budget-{self.index % MODELS_A_NAMESPACE // MODELS_A_BUDGET}"

    def batch_s(self, variant: str, accelerator_class: str, batch: float) -> float:
        """Seconds that one execution of a batch takes."""
        faster = next(speed for name, _, _, speed, _ in _CLASSES if name == accelerator_class)
        first = self.service_s * dict(_VARIANTS)[variant] / faster
        # A CPU gains little from batches, an accelerator much.
        rest = 0.8 if accelerator_class == "cpu" else 0.3
        return first * (1.0 - rest + rest * batch)


def models(count: int) -> list[Model]:
    """Models with skewed loads: most of some requests a second, few of hundreds."""
    draw = random.Random(count)  # noqa: S311 - a bench, no secret
    return [
        Model(i, min(300.0, draw.lognormvariate(2.5, 1.0)), draw.uniform(0.02, 0.06))
        for i in range(count)
    ]


def namespaces(fleet: list[Model]) -> list[Object]:
    """The namespaces of the models."""
    names = sorted({m.namespace for m in fleet})
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in names]


def nodes(count: int) -> Iterator[Object]:
    """Nodes that are Ready from the start, as kubelets of each kind of machine report them."""
    begun = 0
    for name, _, _, _, share in _CLASSES:
        kinds = count - begun if name == "a100" else round(share * count)
        for i in range(begun, begun + kinds):
            yield _node(f"node-{i:05d}", name)
        begun += kinds


def shared(fleet: list[Model]) -> list[Object]:
    """The classes, and a budget of every dozen models, wide enough for its mean load."""
    classes = [
        {
            "apiVersion": GROUP,
            "kind": "AcceleratorClass",
            "metadata": {"name": name},
            "spec": {
                "resources": resources,
                "nodeSelector": {"example.com/pool": name},
                "pricePerHour": price,
            },
        }
        for name, resources, price, _, _ in _CLASSES
    ]
    return [
        *classes,
        *(
            {
                "apiVersion": GROUP,
                "kind": "InferenceBudget",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"perHour": "60.00"},
            }
            for namespace, name in sorted({(m.namespace, m.budget) for m in fleet})
        ),
    ]


def model_deployment(model: Model) -> Object:
    """Five variants on three classes."""
    return {
        "apiVersion": GROUP,
        "kind": "ModelDeployment",
        "metadata": {"name": model.name, "namespace": model.namespace},
        "spec": {
            "model": model.name,
            "objective": "MinimizeCost",
            "slo": {"latency": {"percentile": 99, "target": "200ms"}, "minAccuracy": "0.88"},
            "budgetRef": {"name": model.budget},
            "priority": (0, 0, 0, 10, 100)[model.index % 5],
            # One minute instead of five, or a run would take a quarter of an hour to come to rest.
            "scaling": {"maxReplicas": 20, "scaleDown": {"stabilization": "60s"}},
            "triton": {
                "image": "registry.example/tritonserver:25.10-py3",
                "dynamicBatching": {"maxBatchSize": 16},
            },
            "variants": [_variant(model, i) for i in range(len(_VARIANTS))],
        },
    }


def _variant(model: Model, index: int) -> Object:
    name, _ = _VARIANTS[index]
    classes = [c for c, *_ in _CLASSES]
    return {
        "name": name,
        "accuracy": f"{0.92 - 0.005 * index:.3f}",
        "source": {"image": {"reference": f"registry.example/{model.name}:1", "path": name}},
        "acceleratorClasses": classes,
        "profile": [
            {
                "acceleratorClass": c,
                "points": [
                    {"batch": b, "latency": f"{model.batch_s(name, c, b) * 1e6:.0f}us"}
                    for b in _BATCHES
                ],
            }
            for c in classes
        ],
    }


def _node(name: str, pool: str) -> Object:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": f"zone-{int(name[-1]) % 3}",
        "topology.kubernetes.io/region": "here",
        "node.kubernetes.io/instance-type": pool,
        "example.com/pool": pool,
    }
    room = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "200Gi", "pods": "110"}
    if pool in _PRODUCTS:
        labels["nvidia.com/gpu.product"] = _PRODUCTS[pool]
        room["nvidia.com/gpu"] = "8"
    now = "2024-01-01T00:00:00Z"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {
            "phase": "Running",
            "allocatable": room,
            "capacity": room,
            "conditions": [
                {
                    "type": type_,
                    "status": status,
                    "reason": "KubeletReady",
                    "message": "as kubelets say it",
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
                for type_, status in (
                    ("Ready", "True"),
                    ("MemoryPressure", "False"),
                    ("DiskPressure", "False"),
                    ("PIDPressure", "False"),
                )
            ],
        },
    }
