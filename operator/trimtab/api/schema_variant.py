"""The wire format of one variant: where its model lies, what runs it, how fast it was."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trimtab.api.scalars import (
    AbsolutePath,
    ClassName,
    Fraction,
    ImageReference,
    Latency,
    ObjectName,
    RelativePath,
    StoreUri,
    VariantName,
)
from trimtab.api.wire import ListMap, ListSet, Rule, Wire

PullPolicy = Literal["Always", "IfNotPresent", "Never"]
MAX_BATCH = 1024
MAX_VARIANTS = 16
MAX_CLASSES = 8
_SOURCES = ("image", "persistent_volume_claim", "uri", "host_path")


class SecretReference(Wire):
    """A Secret of the same namespace."""

    name: ObjectName
    """Name of the Secret."""


class ImageSource(Wire):
    """An OCI image, mounted as a volume."""

    reference: ImageReference
    """The image that holds the model repository."""
    path: RelativePath | None = None
    """Folder of the model repository inside the image; its root when absent."""
    pull_policy: PullPolicy | None = None
    """When the kubelet pulls the image."""


class ClaimSource(Wire):
    """A PersistentVolumeClaim of the same namespace, mounted read-only."""

    claim_name: ObjectName
    """Name of the PersistentVolumeClaim."""
    path: RelativePath | None = None
    """Folder of the model repository inside the volume; its root when absent."""


class HostPathSource(Wire):
    """A folder of the node; only where the install allows it."""

    path: AbsolutePath
    """Absolute path of the model repository on the node."""


class Source(Wire):
    """Where a variant's model repository lies: exactly one kind."""

    rules = (
        Rule(
            cel="[has(self.image), has(self.persistentVolumeClaim), has(self.uri), "
            "has(self.hostPath)].filter(given, given).size() == 1",
            message="source needs exactly one of image, persistentVolumeClaim, uri and hostPath: "
            "keep one",
            broken=lambda s: sum(s.has(name) for name in _SOURCES) != 1,
        ),
        Rule(
            cel="!has(self.secretRef) || has(self.uri)",
            message="secretRef has an effect only with source.uri: remove it or give a uri",
            broken=lambda s: s.has("secret_ref") and not s.has("uri"),
            field="secretRef",
        ),
    )

    image: ImageSource | None = None
    """An OCI image that holds the model repository."""
    persistent_volume_claim: ClaimSource | None = None
    """A PersistentVolumeClaim that holds the model repository."""
    uri: StoreUri | None = Field(
        default=None,
        description="An object store that Triton reads itself: s3://, gs:// or as://. Its "
        "config.pbtxt stays as it is, so triton.dynamicBatching.maxBatchSize must state the "
        "max_batch_size in it (1 when absent), and maxQueueSize and instanceCount likewise.",
    )
    secret_ref: SecretReference | None = None
    """The Secret whose keys become Triton's environment, to read the uri."""
    host_path: HostPathSource | None = None
    """A folder of the node; only where the install allows it."""


class ProfilePoint(Wire):
    """Median time one instance takes for a batch of one size."""

    batch: int = Field(ge=1, le=MAX_BATCH)
    """Requests in the batch."""
    latency: Latency
    """Median time of one execution of such a batch."""


class Profile(Wire):
    """What was measured of a variant on one class: a seed that trimtab corrects online."""

    accelerator_class: ClassName
    """The class measured; one of the variant's acceleratorClasses."""
    points: Annotated[list[ProfilePoint], ListMap("batch")] = Field(min_length=1, max_length=32)
    """Median execution times by batch size."""
    front_end: Latency | None = None
    """What each request takes of the replica beside its execution: HTTP, parsing, the ensemble."""
    accuracy: Fraction | None = None
    """Accuracy on this class, where it differs from the variant's."""


class Variant(Wire):
    """One compressed form of the model, with the accuracy it was measured at."""

    rules = (
        Rule(
            cel="!has(self.profile) || "
            "self.profile.all(p, p.acceleratorClass in self.acceleratorClasses)",
            message="each profile's acceleratorClass must be one of the variant's "
            "acceleratorClasses: add it there or remove the profile",
            broken=lambda v: any(
                p.accelerator_class not in v.accelerator_classes for p in v.profile or ()
            ),
            field="profile",
        ),
    )

    name: VariantName
    """Name of the variant; part of its Deployments' names."""
    accuracy: Fraction
    """Measured accuracy from 0 to 1, as a decimal string."""
    source: Source
    """Where the variant's model repository lies."""
    accelerator_classes: Annotated[list[ClassName], ListSet()] = Field(
        min_length=1, max_length=MAX_CLASSES
    )
    """AcceleratorClasses the variant may run on."""
    profile: Annotated[list[Profile], ListMap("accelerator_class")] | None = Field(
        default=None, max_length=MAX_CLASSES
    )
    """Measured latencies per class; learnt online where absent or wrong."""
