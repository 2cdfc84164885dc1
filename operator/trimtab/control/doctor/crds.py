"""The API server serves the custom resources as this trimtab knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trimtab.actuate import kinds
from trimtab.actuate.kinds import Kind
from trimtab.control.doctor.facts import Facts
from trimtab.control.doctor.field_paths import known_paths
from trimtab.control.doctor.finding import Finding, error, some

_MEND = (
    "apply those of this version (kubectl apply --server-side --force-conflicts -f crds/), or helm"
    " upgrade with crds.enabled=true"
)


def crds(facts: Facts) -> Iterator[Finding]:
    """Every kind is there, with every field."""
    if facts.cluster is None:
        return
    for kind in (kinds.MODEL_DEPLOYMENT, kinds.ACCELERATOR_CLASS, kinds.INFERENCE_BUDGET):
        name = f"CRD of {kind.kind}"
        if kind in facts.cluster.absent:
            yield error("CRDs", name, f"The API server serves no {kind.api_version} of it.", _MEND)
            continue
        lacking = _lacking(facts.cluster.served, kind)
        if lacking:
            yield error(
                "CRDs",
                name,
                f"It is older than this trimtab and drops what it does not know: {some(lacking)}.",
                _MEND,
            )


def _lacking(served: Mapping[str, frozenset[str]], kind: Kind) -> list[str]:
    """The fields that are not served, without what lies below another of them."""
    if kind.kind not in served:
        return []
    lacking = known_paths()[kind.kind] - served[kind.kind]
    return [path for path in sorted(lacking) if not any(_is_below(path, o) for o in lacking)]


def _is_below(path: str, other: str) -> bool:
    return path != other and path.startswith((f"{other}.", f"{other}[]", f"{other}{{}}"))
