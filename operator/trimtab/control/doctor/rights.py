"""The operator's account may do what the operator does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from trimtab.control.doctor.facts import Facts
from trimtab.control.doctor.finding import Finding, error, some
from trimtab.control.doctor.needed_rights import Right


def rights(facts: Facts) -> Iterator[Finding]:
    """One finding for each resource that the account lacks rights on."""
    if facts.cluster is None:
        return
    lacking: dict[Right, list[Right]] = defaultdict(list)
    for right in facts.cluster.denied:
        lacking[right._replace(verb="", namespace="", name="")].append(right)
    for of, denied in lacking.items():
        verbs = list(dict.fromkeys(right.verb for right in denied))
        where = some({right.namespace for right in denied if right.namespace})
        rule = f'apiGroups: ["{of.group}"], resources: [{of.path}], verbs: [{", ".join(verbs)}]'
        yield error(
            "rights",
            f"account {facts.cluster.account}",
            f"It may not {', '.join(verbs)} {of.what}{f' in {where}' if where else ''}.",
            "helm upgrade with rbac.create=true, which puts the chart's role back, or allow in a"
            f" role of your own {{{rule}}}",
        )
