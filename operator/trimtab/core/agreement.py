"""What follows from answers that differ from the reference's. Pure.

The counter-example: int8 weights that are right on one processor overflow on another, and the same
file that was judged good is wrong on one image of seven where it is served. Nothing else notices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trimtab.api.resources import (
    AcceleratorClass,
    ModelDeployment,
    OutputCheck,
    ScalingMode,
    Variant,
)
from trimtab.core.hashes import hash_of, source_fields
from trimtab.core.plan import Condition, ConditionStatus
from trimtab.core.snapshot import Agreement, ModelState, NoAnswer, WorkloadKey

CONDITION = "OutputsAgree"
_WAITING = NoAnswer("NotAsked", "It is asked as soon as one of its pods is Ready.")

Classes = Mapping[str, AcceleratorClass]


def fingerprint(md: ModelDeployment, variant: Variant, accelerator: AcceleratorClass) -> str:
    """Tells what answers from others: another image, path or kind of node gets a new chance.

    Not the batch cap and its like, which move with the load: a verdict would be gone with each.
    """
    fields = {
        "model": md.model,
        "source": source_fields(variant.source),
        "image": md.triton.image,
        "args": md.triton.extra_args,
        "resources": accelerator.resources,
        "nodes": accelerator.node_selector,
    }
    return hash_of(fields)


def fingerprints(md: ModelDeployment, classes: Classes) -> dict[WorkloadKey, str]:
    """Of every variant on every class that exists."""
    return {
        WorkloadKey(variant.name, name): fingerprint(md, variant, classes[name])
        for variant in md.variants
        for name in variant.accelerator_classes
        if name in classes
    }


def disagrees(agreement: Agreement, check: OutputCheck) -> bool:
    """Whether it agreed on less than what is asked."""
    return agreement.agreed < check.min_agreement * agreement.items


def in_force(state: ModelState, classes: Classes) -> dict[WorkloadKey, Agreement]:
    """The agreements that are of what the spec declares now."""
    now = fingerprints(state.spec, classes)
    return {a.key: a for a in state.checked.agreements if now.get(a.key) == a.fingerprint}


def left_out(state: ModelState, classes: Classes) -> dict[WorkloadKey, str]:
    """What may not run for its answers, each with why.

    Where nothing else is left, what serves serves on: right on six images of seven is more than no
    answer at all. In mode Manual the user's own choice stands.
    """
    check = state.spec.output_check
    if check is None or state.spec.scaling.mode is ScalingMode.MANUAL:
        return {}
    wrong = _wrong(in_force(state, classes), check)
    if any(key not in wrong for key in _may_run(state.spec, classes)):
        return wrong
    serving = {w.key for w in state.workloads if w.replicas}
    return {k: why for k, why in wrong.items() if k not in serving} if serving else {}


def holds_switch(state: ModelState, new: WorkloadKey) -> bool:
    """Whether what serves must wait for the first answers of what is to take over from it.

    The counter-example: the new pods are Ready, the old ones go, and then the new ones turn out to
    be wrong: the model was served wrongly by all its pods until the old ones were back. An answer
    that cannot be had holds nothing.
    """
    return state.spec.output_check is not None and new in state.checked.unasked


def outputs_agree(state: ModelState, classes: Classes) -> Condition | None:
    """OutputsAgree, of what serves; None where the model is not checked."""
    check = state.spec.output_check
    if check is None:
        return None
    known = in_force(state, classes)
    wrong = _wrong(known, check)
    serving = [w.key for w in state.workloads if w.replicas]
    found = [key for key in serving if key in wrong]
    if found:
        text = f"{_listed(found, wrong)}. {_what_follows(state, classes, found)}"
        return Condition(CONDITION, ConditionStatus.FALSE, "OutputsDisagree", text)
    for key in serving:
        if key not in known or key in state.checked.unanswered:
            why = state.checked.unanswered.get(key, _WAITING)
            text = f"{key} is not judged now, and stays as it is: {why.message}"
            return Condition(CONDITION, ConditionStatus.UNKNOWN, why.reason, text)
    if not serving:
        text = "Nothing serves that could be asked."
        return Condition(CONDITION, ConditionStatus.UNKNOWN, "NoReadyPods", text)
    text = "; ".join(f"{key} {_agrees(known[key])}" for key in serving)
    if wrong:
        text = f"{text}. Left out: {_listed(list(wrong), wrong)}"
    reason = "VariantLeftOut" if wrong else "OutputsAgree"
    return Condition(CONDITION, ConditionStatus.TRUE, reason, f"{text}.")


def _what_follows(state: ModelState, classes: Classes, found: list[WorkloadKey]) -> str:
    scaling = state.spec.scaling
    if scaling.mode is ScalingMode.MANUAL:
        return "Mode Manual keeps it: name another variant in spec.scaling.manual."
    if not set(found) & left_out(state, classes).keys():
        return "Nothing else may run, so it serves on: add a variant that is right there."
    if scaling.mode is ScalingMode.ADVISE:
        return "Mode Advise changes nothing: see the decision for what should serve."
    return "It is out of the plan, and serves until another variant is Ready."


def _may_run(md: ModelDeployment, classes: Classes) -> Iterator[WorkloadKey]:
    for variant in md.variants:
        for name in variant.accelerator_classes:
            if name in classes and variant.accuracy_on(name) >= md.min_accuracy:
                yield WorkloadKey(variant.name, name)


def _wrong(known: Mapping[WorkloadKey, Agreement], check: OutputCheck) -> dict[WorkloadKey, str]:
    """What agrees too seldom, each with why."""
    return {key: _why_not(a, check) for key, a in known.items() if disagrees(a, check)}


def _why_not(agreement: Agreement, check: OutputCheck) -> str:
    asked = f"{float(100 * check.min_agreement):g} %"
    return f"{_agrees(agreement)}, {asked} asked"


def _agrees(agreement: Agreement) -> str:
    share = 100.0 * agreement.agreed / agreement.items
    return f"agrees with the reference on {share:.1f} % of {agreement.items} samples"


def _listed(keys: list[WorkloadKey], why: Mapping[WorkloadKey, str]) -> str:
    return "; ".join(f"{key} {why[key]}" for key in keys)
