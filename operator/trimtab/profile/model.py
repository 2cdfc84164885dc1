"""What Triton serves, as far as profiling needs to know it: read from the model's configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.profile.errors import ProfileError

MOST_BATCH = 1024  # of the API's profile
_PREFIX = "TYPE_"


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `dims`: of one item, -1 where any size goes; `datatype` as in a request (FP32)."""

    name: str
    datatype: str
    dims: tuple[int, ...]
    is_optional: bool = False
    is_shape: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """A version of a model. `max_batch`: 0 where requests carry no batch dimension.

    `batches`: whether Triton joins requests; `queue_delay_s`: how long it waits to join more.
    """

    name: str
    version: str
    max_batch: int
    inputs: tuple[Input, ...]
    instances: int = 1
    batches: bool = False
    queue_delay_s: float = 0.0
    is_on_gpu: bool = False

    @property
    def cap(self) -> int:
        """The largest batch that requests of one item are executed in."""
        return max(1, self.max_batch) if self.batches else 1


def read_model(config: Mapping[str, Any], version: str) -> Model:
    """From `GET /v2/models/NAME/config`; ProfileError where such a model cannot be profiled."""
    name = str(config.get("name", ""))
    _check_kind(name, config)
    dynamic = config.get("dynamic_batching")
    max_batch = int(config.get("max_batch_size") or 0)
    groups = [g for g in config.get("instance_group") or () if not g.get("passive")]
    return Model(
        name=name,
        version=version,
        max_batch=max_batch,
        inputs=tuple(_input(given) for given in config.get("input") or ()),
        instances=sum(_instances(group) for group in groups) or 1,
        batches=dynamic is not None and max_batch > 1,
        queue_delay_s=int((dynamic or {}).get("max_queue_delay_microseconds") or 0) / 1e6,
        is_on_gpu=any(group.get("kind") == "KIND_GPU" for group in groups),
    )


def batch_sizes(asked: Sequence[int] | None, model: Model) -> tuple[int, ...]:
    """The batch sizes to measure, ascending; without a wish 1, 2, 4 and so on to the largest.

    ProfileError where one is not possible.
    """
    largest = min(max(1, model.max_batch), MOST_BATCH)
    if not asked:
        return tuple(sorted({largest, *(1 << i for i in range(largest.bit_length()))}))
    for batch in asked:
        if batch < 1:
            raise ProfileError(f"--batches: {batch} is no batch size: the smallest is 1")
        if model.max_batch == 0 and batch > 1:
            raise ProfileError(
                f"--batches: {batch} is not possible: max_batch_size of {model.name} is 0, its "
                "requests carry no batch: give --batches 1, or set max_batch_size in config.pbtxt"
            )
        if batch > largest:
            raise ProfileError(
                f"--batches: {batch} is more than {largest}, the max_batch_size of {model.name}: "
                "leave it out, or raise max_batch_size in config.pbtxt"
            )
    return tuple(sorted(set(asked)))


def _check_kind(name: str, config: Mapping[str, Any]) -> None:
    if config.get("sequence_batching") is not None:
        raise ProfileError(
            f"{name} has sequence_batching: its requests belong together, and a time for each "
            "batch size does not describe it. Such models cannot be profiled."
        )
    if (config.get("model_transaction_policy") or {}).get("decoupled"):
        raise ProfileError(
            f"{name} is decoupled (model_transaction_policy): a request may have any number of "
            "answers. Such models cannot be profiled."
        )
    if config.get("platform") == "ensemble" or config.get("ensemble_scheduling") is not None:
        raise ProfileError(
            f"{name} is an ensemble, which executes nothing itself: profile its steps one by one"
        )


def _input(given: Mapping[str, Any]) -> Input:
    datatype = str(given.get("data_type", "")).removeprefix(_PREFIX)
    return Input(
        name=str(given["name"]),
        datatype="BYTES" if datatype == "STRING" else datatype,
        dims=tuple(int(size) for size in given.get("dims") or ()),
        is_optional=bool(given.get("optional")),
        is_shape=bool(given.get("is_shape_tensor")),
    )


def _instances(group: Mapping[str, Any]) -> int:
    return int(group.get("count") or 1) * max(1, len(group.get("gpus") or ()))
