"""The fleet of a simulated run, as its manifests declare it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trimtab.api import parse
from trimtab.api.resources import (
    AcceleratorClass,
    InferenceBudget,
    InvalidResource,
    ModelDeployment,
    ObjectKey,
)
from trimtab.api.yaml_file import UnreadableYaml, read_documents
from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.errors import SimulationError


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every model, class and budget of a run; models are ordered by key.

    Each class that a variant names is there; `load_fleet` refuses a fleet where one is not.
    """

    models: tuple[ModelDeployment, ...]
    accelerator_classes: Mapping[str, AcceleratorClass]
    budgets: Mapping[ObjectKey, InferenceBudget] = field(default_factory=dict)

    def model(self, key: ObjectKey) -> ModelDeployment:
        """The model of that key; KeyError where there is none."""
        return next((m for m in self.models if m.key == key), None) or _no_key(key)

    def named(self, name: str, where: str) -> ModelDeployment:
        """The model of that name or namespace/name; a SimulationError begins with `where`."""
        found = [m for m in self.models if name in (m.key.name, str(m.key))]
        if len(found) == 1:
            return found[0]
        if found:
            both = ", ".join(str(m.key) for m in found)
            raise SimulationError(f"{where}: {name!r} is one of {both}: write namespace/name.")
        known = ", ".join(str(m.key) for m in self.models)
        raise SimulationError(
            f"{where}: there is no ModelDeployment {name!r} in the manifests: use one of {known}."
        )

    def short_name(self, key: ObjectKey) -> str:
        """The model's name where no other model shares it, else namespace/name."""
        alone = sum(m.key.name == key.name for m in self.models) == 1
        return key.name if alone else str(key)


def workload_keys(model: ModelDeployment) -> tuple[WorkloadKey, ...]:
    """Every (variant, class) that the model may run on, in the order of its manifest."""
    return tuple(WorkloadKey(v.name, c) for v in model.variants for c in v.accelerator_classes)


def load_fleet(paths: Iterable[Path], elsewhere: Container[str] = ()) -> Fleet:
    """The fleet in those YAML files; kinds that are not trimtab's are passed over.

    elsewhere: classes that are declared already, and so need not be in the files.
    Raises SimulationError with the file and the mend. Sources need not exist on this machine.
    """
    models: dict[ObjectKey, ModelDeployment] = {}
    classes: dict[str, AcceleratorClass] = {}
    budgets: dict[ObjectKey, InferenceBudget] = {}
    for path in paths:
        for obj in _documents(path):
            try:
                match obj.get("kind"):
                    case "ModelDeployment":
                        model = parse.parse_model_deployment(obj)
                        _once(path, models, model.key, model)
                    case "AcceleratorClass":
                        accelerator = parse.parse_accelerator_class(obj)
                        _once(path, classes, accelerator.name, accelerator)
                    case "InferenceBudget":
                        budget = parse.parse_inference_budget(obj)
                        _once(path, budgets, budget.key, budget)
            except InvalidResource as error:
                raise SimulationError(f"{path}: {_name(obj)}: {error}") from None
    fleet = Fleet(tuple(models[k] for k in sorted(models)), classes, budgets)
    _check(fleet, elsewhere)
    return fleet


def _documents(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        documents = read_documents(path)
    except UnreadableYaml as error:
        raise SimulationError(str(error)) from None
    for document in documents:
        if document is not None:
            yield from _objects(path, document)


def _objects(path: Path, document: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(document, dict):
        raise SimulationError(f"{path}: a manifest must be a map of fields.")
    if document.get("kind") != "List":
        yield document
        return
    items = document.get("items")
    if not isinstance(items, list):
        raise SimulationError(f"{path}: items of a List must be a list of manifests.")
    for item in items:
        yield from _objects(path, item)


def _once(path: Path, found: dict[Any, Any], key: Any, value: Any) -> None:
    if key in found:
        raise SimulationError(
            f"{path}: {type(value).__name__} {key} is declared twice: remove one."
        )
    found[key] = value


def _check(fleet: Fleet, elsewhere: Container[str]) -> None:
    if not fleet.models:
        raise SimulationError("The manifests hold no ModelDeployment: give one with -f.")
    for model in fleet.models:
        for key in workload_keys(model):
            name = key.accelerator_class
            if name not in fleet.accelerator_classes and name not in elsewhere:
                raise SimulationError(
                    f"ModelDeployment {model.key}: variant {key.variant!r} names AcceleratorClass "
                    f"{key.accelerator_class!r}, which no manifest declares: add it with -f."
                )


def _name(obj: Mapping[str, Any]) -> str:
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return f"{obj.get('kind')} {name}"


def _no_key(key: ObjectKey) -> ModelDeployment:
    raise KeyError(key)
