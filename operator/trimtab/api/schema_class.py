"""The wire format of AcceleratorClass and InferenceBudget."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from trimtab.api.scalars import (
    LABEL_KEY,
    LABEL_KEY_MAX_LENGTH,
    LABEL_KEY_MEND,
    LabelKey,
    LabelValue,
    Money,
    ResourceAmount,
)
from trimtab.api.wire import Rule, Wire, cel_string

# What a container may ask for without a domain; the API server would refuse the pods otherwise.
_NATIVE = r"^(cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMG]i)$"


def _bad_key(keys: dict[str, str] | None) -> bool:
    return any(
        len(key) > LABEL_KEY_MAX_LENGTH or re.fullmatch(LABEL_KEY, key) is None
        for key in keys or ()
    )


def _key_rule(field: str, attribute: str) -> Rule:
    return Rule(
        cel=f"!has(self.{field}) || self.{field}.all(k, size(k) <= {LABEL_KEY_MAX_LENGTH} && "
        f"k.matches({cel_string(LABEL_KEY)}))",
        message=f"{field}: {LABEL_KEY_MEND}",
        broken=lambda spec: _bad_key(getattr(spec, attribute)),
        field=field,
    )


class Toleration(Wire):
    """A taint that replicas of this class tolerate."""

    rules = (
        Rule(
            cel="!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
            message="a toleration's value has no effect with operator Exists: remove one of them",
            broken=lambda t: t.operator == "Exists" and t.has("value"),
            field="value",
        ),
        Rule(
            cel="has(self.key) || (has(self.operator) && self.operator == 'Exists')",
            message="a toleration without a key needs operator: Exists: add a key or that operator",
            broken=lambda t: not t.has("key") and t.operator != "Exists",
        ),
        Rule(
            cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            message="tolerationSeconds has an effect only with effect NoExecute: remove it or set "
            "that effect",
            broken=lambda t: t.has("toleration_seconds") and t.effect != "NoExecute",
            field="tolerationSeconds",
        ),
    )

    key: LabelKey | None = None
    """Key of the taint; every taint when absent, with operator Exists."""
    operator: Literal["Exists", "Equal"] | None = None
    """Equal compares the value too; it is the default."""
    value: LabelValue | None = None
    """Value of the taint. Not with operator Exists."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; every effect when absent."""
    toleration_seconds: int | None = Field(default=None, ge=0, le=31_536_000)
    """How long a NoExecute taint is tolerated; for ever when absent."""


class AcceleratorClassSpec(Wire):
    """What one replica runs on, and what it costs."""

    rules = (
        _key_rule("resources", "resources"),
        _key_rule("nodeSelector", "node_selector"),
        Rule(
            cel=f"self.resources.all(k, k.contains('/') || k.matches({cel_string(_NATIVE)}))",
            message="resources: write cpu, memory, ephemeral-storage or hugepages-..., or a device "
            "with its domain such as nvidia.com/gpu",
            broken=lambda spec: any(
                "/" not in key and re.fullmatch(_NATIVE, key) is None for key in spec.resources
            ),
            field="resources",
        ),
        Rule(
            cel="self.resources.all(k, !k.contains('/') || "
            "string(self.resources[k]).matches('^[0-9]+$'))",
            message="resources: a device such as nvidia.com/gpu is counted in whole numbers: "
            'write "1" or more',
            broken=lambda spec: any(
                "/" in key and re.fullmatch("[0-9]+", amount) is None
                for key, amount in spec.resources.items()
            ),
            field="resources",
        ),
    )

    resources: dict[str, ResourceAmount] = Field(min_length=1, max_length=16)
    """What one replica asks for: {nvidia.com/gpu: "1"}, a MIG slice's own name, or {cpu: "1"}."""
    price_per_hour: Money | None = None
    """Cost of one replica for an hour. Unknown when absent: then nothing grows on this class."""
    node_selector: dict[str, LabelValue] | None = Field(default=None, max_length=32)
    """Labels of the nodes that have it."""
    tolerations: list[Toleration] | None = Field(default=None, max_length=16)
    """Taints of those nodes that replicas tolerate."""
    max_replicas: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """Most replicas of all ModelDeployments together; what the nodes hold when absent."""


class InferenceBudgetSpec(Wire):
    """Money shared by the ModelDeployments of the namespace that name this budget."""

    per_hour: Money
    """The most they may cost together in one hour."""
