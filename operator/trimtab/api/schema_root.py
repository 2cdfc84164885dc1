"""The three kinds as whole objects: their names, and the specs they carry."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import ConfigDict, Field

from trimtab.api.resources import API_VERSION
from trimtab.api.scalars import OBJECT_NAME, OBJECT_NAME_MAX_LENGTH
from trimtab.api.schema import ModelDeploymentSpec
from trimtab.api.schema_class import AcceleratorClassSpec, InferenceBudgetSpec
from trimtab.api.wire import Rule, Wire, cel_string

ApiVersion = Literal["trimtab.dev/v1alpha1"]
assert ApiVersion.__args__ == (API_VERSION,)  # type: ignore[attr-defined]

# Services carry the ModelDeployment's name, so it starts with a letter; Deployments are named
# <ModelDeployment>-<variant>-<class>, and a name may have 63 characters.
MAX_MODEL_DEPLOYMENT_NAME = 40
MAX_CLASS_NAME = 24
MAX_CHILD_NAME = 63
_SERVICE_NAME = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
_CLASS_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


class Metadata(Wire):
    """The part of an object's metadata that matters here; the API server checks the rest."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=253)
    namespace: str = Field(default="default", min_length=1, max_length=63)
    uid: str = ""
    generation: int = 0


class Root(Wire):
    """What every kind has; the status is trimtab's own and is not read back here."""

    api_version: ApiVersion
    metadata: Metadata
    status: Any = None


def _name_rule(pattern: str, max_length: int, mend: str) -> Rule:
    return Rule(
        cel=f"size(self.metadata.name) <= {max_length} && "
        f"self.metadata.name.matches({cel_string(pattern)})",
        message=f"metadata.name {mend}",
        broken=lambda root: (
            len(root.metadata.name) > max_length
            or re.fullmatch(pattern, root.metadata.name) is None
        ),
    )


def _child_name_too_long(root: ModelDeploymentResource) -> bool:
    return any(
        len(root.metadata.name) + len(v.name) + len(c) + 2 > MAX_CHILD_NAME
        for v in root.spec.variants
        for c in v.accelerator_classes
    )


class ModelDeploymentResource(Root):
    """A model served within a latency promise, an accuracy floor and a budget."""

    rules = (
        _name_rule(
            _SERVICE_NAME,
            MAX_MODEL_DEPLOYMENT_NAME,
            f"must be at most {MAX_MODEL_DEPLOYMENT_NAME} lower-case letters, digits and '-', "
            "starting with a letter and ending with a letter or digit: choose such a name",
        ),
        Rule(
            cel="self.spec.variants.all(v, v.acceleratorClasses.all(c, "
            f"size(self.metadata.name) + size(v.name) + size(c) + 2 <= {MAX_CHILD_NAME}))",
            message="metadata.name, a variant's name and its acceleratorClass make the name of a "
            f"Deployment and may have {MAX_CHILD_NAME - 2} characters together: shorten one",
            broken=_child_name_too_long,
        ),
    )

    kind: Literal["ModelDeployment"]
    spec: ModelDeploymentSpec


class AcceleratorClassResource(Root):
    """What one replica of a model runs on, and what it costs."""

    rules = (
        _name_rule(
            _CLASS_NAME,
            MAX_CLASS_NAME,
            f"must be at most {MAX_CLASS_NAME} lower-case letters, digits and '-', starting and "
            "ending with a letter or digit: choose such a name",
        ),
    )

    kind: Literal["AcceleratorClass"]
    spec: AcceleratorClassSpec


class InferenceBudgetResource(Root):
    """Money shared by the ModelDeployments of a namespace that name it."""

    rules = (
        _name_rule(
            OBJECT_NAME,
            OBJECT_NAME_MAX_LENGTH,
            "must be lower-case letters, digits, '-' and '.', starting and ending with a letter "
            "or digit: choose such a name",
        ),
    )

    kind: Literal["InferenceBudget"]
    spec: InferenceBudgetSpec
