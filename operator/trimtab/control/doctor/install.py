"""Checks on the install itself: its settings, its leader, other installs beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trimtab.actuate import names
from trimtab.control.doctor.facts import Facts, OperatorPod
from trimtab.control.doctor.finding import Finding, error, sentence, warning
from trimtab.observe.prometheus import MOST_SKEW_S

_OTHER_NAME = "give each release another value of instance, and upgrade"
# A leader renews at a fraction of the duration, and another follows at its end.
_LATE = 3.0


def settings(facts: Facts) -> Iterator[Finding]:
    """The settings file is one."""
    if facts.settings_trouble is not None:
        yield error(
            "settings",
            "settings file",
            sentence(facts.settings_trouble),
            "mend the chart's values and run helm upgrade: trimtab does not start with it",
        )


def cluster(facts: Facts) -> Iterator[Finding]:
    """The API server answers."""
    if facts.cluster_trouble is not None:
        yield error(
            "cluster",
            "API server",
            sentence(facts.cluster_trouble),
            "see the server and the user of the kubeconfig, or a NetworkPolicy in the way",
        )


def leader(facts: Facts) -> Iterator[Finding]:
    """An operator leads: without one nothing is decided."""
    lease = facts.cluster.lease if facts.cluster else None
    if lease is None or facts.cluster is None:
        return
    held = lease.holder and lease.renewed_s is not None
    # By the clock, of here and there, that speaks for the leader: clocks are a check of their own.
    age_s = facts.now_s + min(0.0, facts.cluster.ahead_s or 0.0) - (lease.renewed_s or 0.0)
    if held and age_s <= _LATE * lease.duration_s:
        return
    since = (
        f"{lease.holder} renewed it {age_s:.0f} s ago, for {lease.duration_s:.0f} s"
        if held
        else "nobody holds it"
    )
    yield error(
        "leader",
        f"Lease {lease.place}",
        f"No operator leads, so nothing is decided: {since}.",
        f"see whether one runs (kubectl get pods -n {lease.place.namespace} -l"
        f" {names.NAME_LABEL}=trimtab); its log says why it does not lead",
    )


def instances(facts: Facts) -> Iterator[Finding]:
    """Installs that share a cluster have names of their own."""
    if facts.cluster is None:
        return
    yield from _namesakes(facts, facts.cluster.operators)
    others = {i for i in facts.cluster.gathered.elsewhere.values() if i}
    if facts.settings and not facts.settings.instance and others:
        yield warning(
            "instances",
            f"install {min(others)}",
            "It serves models here as well, and this install has no name: which of them serves a"
            " new model is left to chance.",
            _OTHER_NAME,
        )


def _namesakes(facts: Facts, operators: Iterable[OperatorPod]) -> Iterator[Finding]:
    """Several installs of one name. Two that serve namespaces of their own never meet, and which
    those of another are is told nowhere: an error only where this one serves all of them."""
    settings = facts.settings
    releases = {(p.namespace, p.release): p.instance for p in operators}
    whose: dict[str, list[str]] = {}
    for (namespace, release), instance in sorted(releases.items()):
        if instance is not None:
            whose.setdefault(instance, []).append(f"{namespace}/{release}")
    for instance, found in whose.items():
        if len(found) < 2:
            continue
        meet = settings is not None and (settings.instance, settings.namespaces) == (instance, ())
        name = f"the same name, {instance!r}" if instance else "no name"
        where = "" if meet else " in namespaces that both serve"
        yield (error if meet else warning)(
            "instances",
            " and ".join(found),
            f"These installs have {name}: each writes over the other's models{where}.",
            _OTHER_NAME,
        )


def clock(facts: Facts) -> Iterator[Finding]:
    """The clocks of the API server and of the leader go as ours does."""
    if facts.cluster is None:
        return
    ahead_s, lease = facts.cluster.ahead_s, facts.cluster.lease
    clocks = {"API server": ahead_s}
    if lease is not None and lease.holder and lease.renewed_s is not None:
        # How long ago it was renewed nobody knows; that it will be is impossible.
        clocks[f"leader {lease.holder}"] = max(0.0, lease.renewed_s - facts.now_s)
    for subject, by_s in clocks.items():
        if by_s is not None and abs(by_s) > MOST_SKEW_S:
            way = "ahead of" if by_s > 0 else "behind"
            yield error(
                "clock",
                subject,
                f"Its clock is {abs(by_s):.0f} s {way} the one here: pods count as new or old that"
                " are not, and readings as of another time.",
                "set the clocks of the nodes right (NTP)",
            )
