"""True service times from a YAML file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trimtab.api.quantities import parse_duration
from trimtab.api.quantity import InvalidQuantity, parse_quantity
from trimtab.api.resources import ObjectKey
from trimtab.api.yaml_file import UnreadableYaml, read_yaml
from trimtab.core.latency import ServiceCurve
from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.truth import Distribution, ServiceTruth, Steps

_SLOWEST_FACTOR = 1e6  # a tail so long that no draw of it could be told from a hang


class _Node:
    """A value of the file with its path, for messages."""

    def __init__(self, value: Any, path: str) -> None:
        self.value = value
        self.path = path

    def fail(self, mend: str) -> SimulationError:
        return SimulationError(f"{self.path}: {self.value!r} {mend}.")

    def entries(self) -> list[_Node]:
        if not isinstance(self.value, list) or not self.value:
            raise self.fail("is not a list with an entry at least: write one")
        return [_Node(v, f"{self.path}[{i}]") for i, v in enumerate(self.value)]

    def fields(self, required: set[str], optional: set[str]) -> dict[str, _Node]:
        if not isinstance(self.value, Mapping):
            raise self.fail("is not a map of fields: write one")
        wrong = sorted(map(str, set(self.value) - required - optional))
        if wrong:
            known = ", ".join(sorted(required | optional))
            raise SimulationError(f"{self.path}.{wrong[0]}: no such field: use {known}.")
        lacking = sorted(required - set(self.value))
        if lacking:
            raise SimulationError(f"{self.path}.{lacking[0]} is missing: add it.")
        return {name: _Node(v, f"{self.path}.{name}") for name, v in self.value.items()}

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.fail("is not a string: write it as one")
        return self.value

    def number(self, low: float) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.fail("is not a number: write it as one")
        if not low <= self.value <= _SLOWEST_FACTOR:
            raise self.fail(f"is not between {low:g} and {_SLOWEST_FACTOR:g}: change it")
        return float(self.value)

    def cores(self) -> float:
        try:
            cores = float(parse_quantity(self.value))
        except InvalidQuantity:
            raise self.fail("is no amount of CPU: write it like 250m or 2") from None
        if cores < 0.001:
            raise self.fail("is less than 1m: raise it")
        return cores

    def seconds(self, *, above_zero: bool = False) -> float:
        try:
            seconds = parse_duration(self.text())
        except ValueError:
            raise self.fail("is not a time with its unit: write it like 9.5ms or 3600s") from None
        if above_zero and seconds <= 0.0:
            raise self.fail("must be longer than zero: raise it")
        return seconds


def read_truth(path: Path, fleet: Fleet) -> dict[tuple[ObjectKey, WorkloadKey], Steps]:
    """What the file says of each workload; SimulationError names field, value and mend.

    A list of `{modelDeployment, variant, profile: [{acceleratorClass, points: [{batch, latency}],
    distribution?: {shift, lognormal: {median, sigma}}, frontEnd?, cpuLimit?}], from?}`; `from` is
    the second of the run at which it becomes true.
    """
    try:
        root = _Node(read_yaml(path), str(path))
    except UnreadableYaml as error:
        raise SimulationError(str(error)) from None
    found: dict[tuple[ObjectKey, WorkloadKey], dict[float, ServiceTruth]] = {}
    for node in root.entries():
        item = node.fields({"modelDeployment", "variant", "profile"}, {"from"})
        model = fleet.named(item["modelDeployment"].text(), item["modelDeployment"].path)
        variant = model.variant(item["variant"].text())
        if variant is None:
            known = ", ".join(v.name for v in model.variants)
            raise item["variant"].fail(f"is no variant of {model.key}: use one of {known}")
        from_s = item["from"].seconds() if "from" in item else 0.0
        for entry in item["profile"].entries():
            name, truth = _entry(entry, variant.accelerator_classes)
            steps = found.setdefault((model.key, WorkloadKey(variant.name, name)), {})
            if from_s in steps:
                raise entry.fail(f"is the second truth of {name} from {from_s:g}s: remove one")
            steps[from_s] = truth
    return {key: tuple(sorted(steps.items(), key=lambda s: s[0])) for key, steps in found.items()}


def _entry(node: _Node, classes: tuple[str, ...]) -> tuple[str, ServiceTruth]:
    fields = node.fields(
        {"acceleratorClass", "points"}, {"distribution", "frontEnd", "cpuLimit", "accuracy"}
    )
    name = fields["acceleratorClass"].text()
    if name not in classes:
        known = ", ".join(classes)
        raise fields["acceleratorClass"].fail(f"is no class of the variant: use one of {known}")
    points: dict[int, float] = {}
    for point in fields["points"].entries():
        values = point.fields({"batch", "latency"}, set())
        batch = values["batch"].number(1)
        if batch != int(batch) or int(batch) in points:
            raise values["batch"].fail("is not a whole number, given once: change it")
        points[int(batch)] = values["latency"].seconds(above_zero=True)
    return name, ServiceTruth(
        ServiceCurve(tuple(sorted(points.items()))),
        _distribution(fields["distribution"]) if "distribution" in fields else None,
        fields["frontEnd"].seconds() if "frontEnd" in fields else 0.0,
        fields["cpuLimit"].cores() if "cpuLimit" in fields else math.inf,
    )


def _distribution(node: _Node) -> Distribution:
    fields = node.fields({"lognormal"}, {"shift"})
    shape = fields["lognormal"].fields({"median", "sigma"}, set())
    return Distribution(
        shift_s=fields["shift"].seconds() if "shift" in fields else 0.0,
        median_s=shape["median"].seconds(above_zero=True),
        sigma=shape["sigma"].number(0),
    )
