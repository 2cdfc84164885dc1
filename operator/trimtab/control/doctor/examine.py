"""All checks, in the order in which their findings are to be mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trimtab.control.doctor.classes import classes
from trimtab.control.doctor.crds import crds
from trimtab.control.doctor.facts import Facts
from trimtab.control.doctor.finding import Finding, Severity
from trimtab.control.doctor.install import clock, cluster, instances, leader, settings
from trimtab.control.doctor.latency import latency
from trimtab.control.doctor.models import models, resources
from trimtab.control.doctor.pods import pods
from trimtab.control.doctor.prometheus import prometheus
from trimtab.control.doctor.rights import rights
from trimtab.control.doctor.scraping import scraping

Check = Callable[[Facts], Iterator[Finding]]

CHECKS: Sequence[Check] = (
    settings,
    cluster,
    crds,
    rights,
    leader,
    instances,
    clock,
    prometheus,
    resources,
    classes,
    models,
    scraping,
    latency,
    pods,
)


def examine(facts: Facts) -> tuple[Finding, ...]:
    """Every finding, errors before warnings."""
    found = [finding for check in CHECKS for finding in check(facts)]
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))
