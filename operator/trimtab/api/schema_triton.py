"""The wire format of a ModelDeployment: how the model server runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trimtab.api.scalars import CacheSize, ImageReference, TritonFlag
from trimtab.api.schema_variant import MAX_BATCH, PullPolicy, SecretReference
from trimtab.api.wire import ListMap, Rule, Wire


class DynamicBatching(Wire):
    """Bounds on the batches Triton forms, and the order in which requests wait for one."""

    rules = (
        Rule(
            cel="!has(self.lateRequests) || !has(self.maxQueueSize) || self.maxQueueSize == 0",
            message="dynamicBatching.lateRequests has an effect only without a maxQueueSize, "
            "within which none is late: remove one of the two",
            broken=lambda b: b.has("late_requests") and b.max_queue_size > 0,
            field="lateRequests",
        ),
    )

    max_batch_size: int = Field(
        ge=1,
        le=MAX_BATCH,
        description="Largest batch; trimtab picks the cap up to it that the SLO allows. Triton "
        "refuses with 400 a request whose own batch is larger than the cap picked. For a variant "
        "with source.uri none is picked, and this must be the max_batch_size of its config.pbtxt.",
    )
    max_queue_size: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Requests that may wait in one replica before Triton refuses more; 0 sets no "
        "bound: none is refused. Above 0 trimtab picks the bound up to it: as many as a "
        "replica can still answer within the SLO; but Triton then forms smaller batches, and the "
        "p99 of a normal load may rise: measure it. For a variant with source.uri none is picked.",
    )
    late_requests: Literal["Last", "InTurn"] | None = Field(
        default=None,
        description="InTurn, which is the default: first come, first served; an overload makes all "
        "late. Last: a request that has waited for half the SLO's target goes behind those that "
        "can still be in time, and is answered as soon as there is room, so an overload makes late "
        "only what is too much; but Triton then forms smaller batches, and the p99 of a normal "
        "load may double: measure it. A queue timeout in the model's own config.pbtxt stays.",
    )


class ResponseCache(Wire):
    """Triton's response cache: a request with the same input as one before is answered without an
    execution."""

    size: CacheSize = Field(
        description="Memory of the cache in each replica, such as 64Mi: from 1Mi to half of the "
        "AcceleratorClass's memory, where it states one. It fills as distinct requests come, and "
        "the longest unused goes first.",
    )


class TritonSettings(Wire):
    """How the model server runs."""

    image: ImageReference
    """Triton's image."""
    image_pull_policy: PullPolicy | None = None
    """When the kubelet pulls Triton's image."""
    image_pull_secrets: Annotated[list[SecretReference], ListMap("name")] | None = Field(
        default=None, max_length=8
    )
    """Secrets to pull Triton's image with."""
    dynamic_batching: DynamicBatching | None = None
    """Bounds on batching; without it the cap is 1 and every request runs alone."""
    response_cache: ResponseCache | None = Field(
        default=None,
        description="Keeps answers and gives them again: only for a model whose answer depends on "
        "its input alone. Without it nothing is kept. Each replica has a cache of its own, empty "
        "at its start. A sequence or decoupled model cannot have one.",
    )
    instance_count: int = Field(default=1, ge=1, le=64)
    """Instances of the model in each replica."""
    extra_args: list[TritonFlag] | None = Field(default=None, max_length=32)
    """More arguments for tritonserver, each --flag or --flag=value."""
