"""What was answered to a sample into the status and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trimtab.api.schema_status import AgreementStatus, OutputCheckStatus
from trimtab.core.snapshot import Agreement, ModelState, WorkloadKey
from trimtab.core.units import iso


def read_agreements(status: Mapping[str, Any]) -> tuple[Agreement, ...]:
    """What the status remembers; nothing where it says nothing that can be read, and what runs is
    then asked anew."""
    found = status.get("outputCheck")
    if not found:
        return ()
    try:
        read = OutputCheckStatus.model_validate(found, by_alias=True, by_name=False)
        return tuple(_agreement(entry) for entry in read.workloads)
    except ValueError:  # a ValidationError is one, and so is a time that is none
        return ()


def agreements_status(state: ModelState) -> dict[str, Any]:
    """The part of the status that remembers it: of what the spec declares, also of what runs no
    more, or a variant that was left out would be back after the next decision."""
    declared = {(v.name, c) for v in state.spec.variants for c in v.accelerator_classes}
    return {
        "workloads": [
            {
                "variant": a.key.variant,
                "acceleratorClass": a.key.accelerator_class,
                "agreed": a.agreed,
                "items": a.items,
                "time": iso(a.at_s),
                "sourceHash": a.fingerprint,
                "sampleHash": a.sample,
                "podTemplate": a.template,
            }
            for a in sorted(state.checked.agreements, key=lambda a: a.key)
            if a.key in declared
        ]
    }


def _agreement(entry: AgreementStatus) -> Agreement:
    return Agreement(
        key=WorkloadKey(entry.variant, entry.accelerator_class),
        agreed=entry.agreed,
        items=entry.items,
        at_s=datetime.fromisoformat(entry.time).timestamp(),
        fingerprint=entry.source_hash,
        sample=entry.sample_hash,
        template=entry.pod_template,
    )
