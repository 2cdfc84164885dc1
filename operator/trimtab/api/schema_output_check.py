"""The wire format of a ModelDeployment: whether what serves answers as the reference does."""

from __future__ import annotations

from decimal import Decimal

from trimtab.api.quantities import parse_duration
from trimtab.api.scalars import ConfigMapKey, Fraction, ObjectName, Window
from trimtab.api.wire import Rule, Wire

LEAST_INTERVAL = "1m"


class ConfigMapEntry(Wire):
    """One entry of a ConfigMap of the same namespace."""

    name: ObjectName
    """Name of the ConfigMap."""
    key: ConfigMapKey = "sample.json"
    """Its key."""


class SampleSource(Wire):
    """Where the sample lies."""

    config_map: ConfigMapEntry
    """The entry that holds it, in the format of docs/output-check.md."""


class OutputCheck(Wire):
    """Asks what serves a few fixed requests, and compares the answers with the reference's.

    A variant that agrees too seldom on a class is not used there, as one below the accuracy floor.
    """

    rules = (
        Rule(
            cel="double(self.minAgreement) > 0.0",
            message="outputCheck.minAgreement 0 lets everything pass: raise it, or remove "
            "outputCheck",
            broken=lambda c: Decimal(c.min_agreement) == 0,
            field="minAgreement",
        ),
        Rule(
            cel=f"duration(self.interval) >= duration('{LEAST_INTERVAL}')",
            message=f"outputCheck.interval must be at least {LEAST_INTERVAL}, or the check itself "
            "is a load: raise it",
            broken=lambda c: parse_duration(c.interval) < parse_duration(LEAST_INTERVAL),
            field="interval",
        ),
    )

    sample: SampleSource
    """The requests, and what the reference answers to them."""
    min_agreement: Fraction = "0.98"
    """The share of the sample on which a variant must agree with the reference."""
    interval: Window = "10m"
    """How often what serves is asked again; what has just started is asked at once."""
