"""What can keep a child from being built or applied; each message names the object and the mend."""

from __future__ import annotations


class ActuateError(Exception):
    """A child that cannot be made as planned. `reason` is one CamelCase word for a condition."""

    reason = "ActuateFailed"


class SourceRefused(ActuateError):  # noqa: N818 - it names what happened
    """A model source that this install does not allow."""

    reason = "SourceRefused"

    def __init__(self, variant: str, chart_value: str) -> None:
        super().__init__(
            f"variant {variant!r} has a hostPath source, which this install does not allow: "
            f"use an image, a persistentVolumeClaim or a uri, or have whoever runs trimtab set "
            f"the chart value {chart_value}=true"
        )
        self.variant = variant
        self.chart_value = chart_value


class UnknownTarget(ActuateError):  # noqa: N818
    """A planned workload whose variant or accelerator class does not exist."""

    reason = "UnknownTarget"


class NameTaken(ActuateError):  # noqa: N818
    """An object that is not this ModelDeployment's bears the name of a child.

    `passing` is True while the garbage collector still has to remove it.
    """

    reason = "NameTaken"

    def __init__(self, what: str, owner: str, mend: str, *, passing: bool = False) -> None:
        super().__init__(f"{what} exists already and {owner}; {mend}")
        self.what = what
        self.passing = passing
