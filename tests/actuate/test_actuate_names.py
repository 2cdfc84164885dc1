"""Names are always valid, and no two things share one."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.actuate import fleet
from trimtab.actuate import names
from trimtab.api.resources import ModelDeployment, ObjectKey, Variant
from trimtab.core.snapshot import WorkloadKey

DNS_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
PART = st.text(alphabet="abz019-._AZ", min_size=1, max_size=90)


def named(name: str) -> ModelDeployment:
    return fleet.deployment_of(fleet.IMAGE, key=ObjectKey("shop", name))


@given(PART, PART, PART)
def test_names_and_labels_are_valid(model: str, variant: str, accelerator_class: str) -> None:
    md, key = named(model), WorkloadKey(variant, accelerator_class)
    for name in (names.service_name(md), names.headless_service_name(md)):
        assert len(name) <= 63
        assert DNS_1035.fullmatch(name), name
    assert len(names.child_name(md, key)) <= 63
    assert DNS_1123.fullmatch(names.child_name(md, key))
    for value in names.workload_labels(md, key, fleet.SETTINGS).values():
        assert len(value) <= 63
        assert LABEL.fullmatch(value), value


def test_plain_names_are_plain() -> None:
    md, key = named("classifier"), WorkloadKey("fp32", "l4")
    assert names.child_name(md, key) == "classifier-fp32-l4"
    assert names.service_name(md) == "classifier"
    assert names.headless_service_name(md) == "classifier-headless"


def test_long_names_that_share_a_beginning_stay_two() -> None:
    md = named("m" * 60)
    one, two = (names.child_name(md, WorkloadKey(v, "l4")) for v in ("fp32-a", "fp32-b"))
    assert one != two
    assert len(one) == len(two) == 63


def test_a_name_that_is_no_service_name_becomes_one() -> None:
    assert re.fullmatch(r"m-3d-unet-[0-9a-f]{8}", names.service_name(named("3d-unet")))
    assert names.child_name(named("3d-unet"), WorkloadKey("fp32", "l4")) == "3d-unet-fp32-l4"


def test_pairs_that_join_to_the_same_text_are_told_apart() -> None:
    variants = tuple(
        Variant(name, Decimal(1), fleet.IMAGE, (accelerator_class,))
        for name, accelerator_class in (("a", "b-c"), ("a-b", "c"))
    )
    md = replace(named("m"), variants=variants)
    one = names.child_name(md, WorkloadKey("a", "b-c"))
    two = names.child_name(md, WorkloadKey("a-b", "c"))
    assert one != two
    assert one.startswith("m-a-b-c-")


def test_labels_lead_back_to_the_key() -> None:
    md, key = named("m"), WorkloadKey("fp32", "l4")
    assert names.workload_key(names.workload_labels(md, key, fleet.SETTINGS)) == key
    assert names.workload_key(names.model_labels(md, fleet.SETTINGS)) is None
    foreign = {**names.workload_labels(md, key, fleet.SETTINGS), names.MANAGED_BY_LABEL: "helm"}
    assert names.workload_key(foreign) is None
