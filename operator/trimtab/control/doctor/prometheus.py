"""Prometheus answers every query, once for each pod and model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from trimtab.control.doctor.facts import Facts, Prometheus
from trimtab.control.doctor.finding import Finding, error, sentence, some
from trimtab.observe.errors import PrometheusClockSkew, PrometheusError

_CHECK = "Prometheus"


def prometheus(facts: Facts) -> Iterator[Finding]:
    """The address is one, and what is asked there is answered."""
    trouble = facts.prometheus_trouble
    if isinstance(trouble, PrometheusError):
        yield _of(trouble, facts.prometheus)
    elif trouble is not None:
        mend = "set prometheus.url to where Prometheus answers"
        yield error(_CHECK, "prometheus.url", sentence(trouble), mend)
    if facts.prometheus is not None:
        yield from _failed(facts.prometheus)
        yield from _twice(facts.prometheus)


def _failed(told: Prometheus) -> Iterator[Finding]:
    """One finding for each trouble, of however many queries."""
    outcomes = [*told.answers.values(), *told.gateways.values(), told.unlabelled]
    failed = {o.message: o for o in outcomes if isinstance(o, PrometheusError)}
    for trouble in failed.values():
        yield _of(trouble, told)


def _of(trouble: PrometheusError, told: Prometheus | None) -> Finding:
    check = "clock" if isinstance(trouble, PrometheusClockSkew) else _CHECK
    subject = told.url if told else "prometheus.url"
    return error(check, subject, trouble.said, trouble.mend)


def _twice(told: Prometheus) -> Iterator[Finding]:
    """Every query takes the most over scrape targets, and so has one row a pod and model; but what
    stands before Prometheus may join the answers of several."""
    reading = told.reading
    own = (reading.namespace_label, reading.pod_label)
    row = (*own, "model", "quantile")
    twice: set[str] = set()
    for outcome in told.answers.values():
        if isinstance(outcome, PrometheusError):
            continue
        rows = Counter(
            tuple(s.labels.get(label, "") for label in row)
            for s in outcome
            if all(s.labels.get(label) for label in own)
        )
        twice |= {labels[1] for labels, count in rows.items() if count > 1}
    if twice:
        yield error(
            _CHECK,
            told.url,
            f"It answers more than once for one pod and model: {some(twice)}.",
            "ask one Prometheus, or have the proxy before several deduplicate (Thanos:"
            " --query.replica-label)",
        )
