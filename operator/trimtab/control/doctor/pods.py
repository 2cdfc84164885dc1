"""Whether the operator is let in to its models' pods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from trimtab.control.doctor.facts import Facts
from trimtab.control.doctor.finding import Finding, some, warning

_CHECK = "pods"


def pods(facts: Facts) -> Iterator[Finding]:
    """Namespaces in which no pod answers the operator; one that does shows that the way is open."""
    asked: dict[str, dict[str, bool]] = defaultdict(dict)
    for pod, answered in facts.answered.items():
        asked[pod.namespace][pod.name] = answered
    for namespace, answers in asked.items():
        if any(answers.values()):
            continue
        yield warning(
            _CHECK,
            f"namespace {namespace}",
            f"Ready pods ({some(answers)}) do not answer the operator on their port metrics (8002):"
            " while Prometheus does not tell, a burst there is not seen.",
            "let the operator in: a NetworkPolicy of the chart (models.networkPolicy) does, and"
            " SECURITY.md has its rule; or see what a mesh wants of a plain connection",
        )
