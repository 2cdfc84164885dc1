"""The wire format of a ModelDeployment: variants that a Job in the cluster makes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trimtab.api.scalars import ClassName, ModelFile, ObjectName, OutputPath
from trimtab.api.schema_recipes import InlineRecipes
from trimtab.api.schema_variant import MAX_CLASSES, ClaimSource, HostPathSource, ImageSource
from trimtab.api.wire import ListSet, Rule, Wire

MAX_WORKERS = 8
_SOURCES = ("image", "persistent_volume_claim", "host_path")


class CompressionSource(Wire):
    """Where MODEL.py and what it reads lie: exactly one kind."""

    rules = (
        Rule(
            cel="[has(self.image), has(self.persistentVolumeClaim), has(self.hostPath)]"
            ".filter(given, given).size() == 1",
            message="compression.source needs exactly one of image, persistentVolumeClaim and "
            "hostPath: keep one",
            broken=lambda s: sum(s.has(name) for name in _SOURCES) != 1,
        ),
    )

    image: ImageSource | None = None
    """An OCI image that holds MODEL.py and its data."""
    persistent_volume_claim: ClaimSource | None = None
    """A PersistentVolumeClaim that holds MODEL.py and its data."""
    host_path: HostPathSource | None = None
    """A folder of the node; only where the install allows it."""


class CompressionOutput(Wire):
    """Where the variants are published, and served from."""

    claim_name: ObjectName
    """Name of a PersistentVolumeClaim that exists; with several workers on several nodes, one
    that many nodes can write."""
    path: OutputPath | None = None
    """Folder inside the volume; its root when absent. Each run makes a folder of its own in it."""


def _too_few(compression: Compression) -> bool:
    recipes = compression.recipes
    return any(
        recipe.train is not None and recipe.train.batch < 2 * compression.workers
        for recipe in (recipes.variants if recipes else None) or ()
    )


class Compression(Wire):
    """Variants that a Job makes of a torch model with `trimtab compress`, and that then may serve.

    A Job runs once for what stands here; a change makes another. Declared variants win over
    published ones of the same name.
    """

    rules = (
        Rule(
            cel="!has(self.recipes) || !has(self.recipes.variants) || self.recipes.variants.all(v, "
            "!has(v.train) || v.train.batch >= 2 * self.workers)",
            message="train.batch is shared by all workers, and each needs 2 items or more: raise "
            "train.batch to twice the workers, or lower workers",
            broken=_too_few,
            field="recipes",
        ),
    )

    source: CompressionSource
    """Where MODEL.py and what it reads lie; its root is the folder that MODEL.py runs in."""
    model: ModelFile
    """Path of MODEL.py inside the source."""
    recipes: InlineRecipes | None = None
    """What to make, as in a recipes file without serve; the default set when absent."""
    workers: int = Field(default=1, ge=1, le=MAX_WORKERS)
    """Pods that train together, each on resources of its own; one of them does the rest."""
    accelerator_class: ClassName
    """The class that gives a worker its resources, node selector and tolerations, and on which
    the variants are timed."""
    serve_on: Annotated[list[ClassName], ListSet()] | None = Field(
        default=None, min_length=1, max_length=MAX_CLASSES
    )
    """AcceleratorClasses that published variants may run on; acceleratorClass when absent."""
    output: CompressionOutput
    """Where the variants are published."""
    attempt: int = Field(default=0, ge=0, le=1_000_000)
    """Raise it to run again with nothing else changed."""
