"""Room on nodes, counted as the scheduler counts it, and exact quantities."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.api.quantity import InvalidQuantity, parse_quantity
from trimtab.api.resources import AcceleratorClass, Toleration
from trimtab.observe.nodes import pod_requests, schedulable_by_class, schedulable_replicas

GPU = "nvidia.com/gpu"


def gpu_class(
    *tolerations: Toleration, resources: dict[str, str] | None = None, **selector: str
) -> AcceleratorClass:
    return AcceleratorClass(
        "l4",
        tuple((resources or {GPU: "1"}).items()),
        Decimal("0.80"),
        tuple(selector.items()),
        tolerations,
    )


def node(name: str = "n", **more: Any) -> dict[str, Any]:
    allocatable = {"cpu": "8", "memory": "32Gi", "pods": "110", GPU: "4", **more.pop("has", {})}
    return {
        "metadata": {"name": name, "labels": more.pop("labels", {}), **more.pop("meta", {})},
        "spec": more,
        "status": {
            "allocatable": allocatable,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def raw_pod(node_name: str | None = "n", phase: str = "Running", **asks: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"resources": {"requests": asks}}]}
    if node_name:
        spec["nodeName"] = node_name
    return {
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": spec,
        "status": {"phase": phase},
    }


def container(always: bool = False, **asks: str) -> dict[str, Any]:
    own: dict[str, Any] = {"resources": {"requests": asks}}
    return own | ({"restartPolicy": "Always"} if always else {})


def test_free_is_allocatable_less_what_runs() -> None:
    pods = [raw_pod(**{GPU: "1"}), raw_pod(cpu="500m")]
    assert schedulable_replicas(gpu_class(), [node(), node("m")], pods) == 3 + 4


def test_the_scarcest_resource_decides() -> None:
    small = gpu_class(resources={"cpu": "250m", "memory": "10Gi"})
    assert schedulable_replicas(small, [node()], []) == 3


@pytest.mark.parametrize(
    ("cpu", "asked", "room"), [("1e99", "250m", 110), ("8", "1e-99", 110), ("8", "1e99", 0)]
)
def test_an_absurd_amount_is_an_amount(cpu: str, asked: str, room: int) -> None:
    """Decimal refuses a quotient of more than 28 digits, and that ended the decision of all."""
    small = gpu_class(resources={"cpu": asked})
    assert schedulable_replicas(small, [node(has={"cpu": cpu})], []) == room


def test_the_nodes_pod_limit_binds_too() -> None:
    pods = [raw_pod() for _ in range(109)]
    assert schedulable_replicas(gpu_class(), [node()], pods) == 1


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_ended_pods_take_nothing(phase: str) -> None:
    assert schedulable_replicas(gpu_class(), [node()], [raw_pod(phase=phase, **{GPU: "4"})]) == 4


def test_pods_without_a_node_are_charged_to_none() -> None:
    pending = raw_pod(None, "Pending", **{GPU: "4"})
    assert schedulable_replicas(gpu_class(), [node()], [pending]) == 4


def test_an_overcommitted_node_takes_nothing_from_the_others() -> None:
    assert schedulable_replicas(gpu_class(), [node(), node("m")], [raw_pod(**{GPU: "9"})]) == 4


def not_ready() -> dict[str, Any]:
    own = node()
    own["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    return own


@pytest.mark.parametrize(
    "closed",
    [
        node(unschedulable=True),
        node(meta={"deletionTimestamp": "2026-03-01T10:00:00Z"}),
        not_ready(),
        node(has={GPU: "0"}),
        {"metadata": {"name": "new"}},
    ],
)
def test_nodes_that_take_no_pods(closed: dict[str, Any]) -> None:
    assert schedulable_replicas(gpu_class(), [closed], []) == 0


def test_only_nodes_that_the_selector_names() -> None:
    nodes = [node(labels={"product": "L4"}), node("m", labels={"product": "T4"}), node("k")]
    assert schedulable_replicas(gpu_class(product="L4"), nodes, []) == 4


TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "room"),
    [
        (None, 0),
        (Toleration(key="gpu", operator="Equal", value="yes", effect="NoSchedule"), 4),
        (Toleration(key="gpu", value="yes"), 4),
        (Toleration(key="gpu", value="no"), 0),
        (Toleration(key="gpu", operator="Exists"), 4),
        (Toleration(operator="Exists"), 4),
        (Toleration(), 0),
        (Toleration(key="gpu", operator="Exists", effect="NoExecute"), 0),
        (Toleration(key="gpu", operator="Gt", value="yes"), 0),
    ],
)
def test_taints_and_tolerations(toleration: Toleration | None, room: int) -> None:
    wanted = gpu_class(*([toleration] if toleration else []))
    assert schedulable_replicas(wanted, [node(taints=[TAINT])], []) == room


def test_a_preference_repels_nothing() -> None:
    soft = node(taints=[{**TAINT, "effect": "PreferNoSchedule"}])
    assert schedulable_replicas(gpu_class(), [soft], []) == 4


def test_every_taint_must_be_tolerated() -> None:
    hard = node(taints=[TAINT, {"key": "drain", "effect": "NoExecute"}])
    assert schedulable_replicas(gpu_class(Toleration("gpu", "Exists")), [hard], []) == 0


def requests_of(**spec: Any) -> dict[str, Decimal]:
    return pod_requests({"spec": spec})


def test_init_containers_count_where_they_are_hungrier() -> None:
    assert requests_of(
        initContainers=[container(cpu="3", memory="1Gi"), container(cpu="2")],
        containers=[container(cpu="1", memory="4Gi"), container(cpu="500m")],
    ) == {"cpu": Decimal(3), "memory": Decimal(4 * 2**30)}


def test_sidecars_stay_beside_all_that_starts_after_them() -> None:
    first_init = [container(cpu="3"), container(True, cpu="1")]
    assert requests_of(initContainers=first_init, containers=[container(cpu="1")])["cpu"] == 3
    first_sidecar = [container(True, cpu="1"), container(cpu="3")]
    assert requests_of(initContainers=first_sidecar, containers=[container(cpu="1")])["cpu"] == 4
    assert requests_of(initContainers=first_init, containers=[container(cpu="9")])["cpu"] == 10


def test_pod_level_requests_replace_the_sum_and_overhead_is_added() -> None:
    assert requests_of(
        containers=[container(cpu="1", memory="1Gi")],
        resources={"requests": {"cpu": "2"}},
        overhead={"cpu": "100m"},
    ) == {"cpu": Decimal("2.1"), "memory": Decimal(2**30)}


def test_an_amount_that_cannot_be_read_names_its_place() -> None:
    with pytest.raises(InvalidQuantity, match=r"^shop/p: cpu: 'lots' is not"):
        schedulable_replicas(gpu_class(), [node()], [raw_pod(cpu="lots")])
    with pytest.raises(InvalidQuantity, match=r"^n: cpu: '8x' is not"):
        schedulable_replicas(gpu_class(), [node(has={"cpu": "8x"})], [])
    with pytest.raises(InvalidQuantity, match=r"^AcceleratorClass l4: cpu: '1 core' is not"):
        schedulable_replicas(gpu_class(resources={"cpu": "1 core"}), [node()], [])


def test_an_amount_on_a_closed_node_does_not_matter() -> None:
    closed = node(unschedulable=True, has={"cpu": "8x"})
    assert schedulable_replicas(gpu_class(), [closed, node("m")], [raw_pod(cpu="lots")]) == 4


def test_a_class_that_asks_for_nothing_is_bound_by_pods() -> None:
    nothing = AcceleratorClass("none", (), None)
    assert schedulable_replicas(nothing, [node()], [raw_pod()]) == 109


GPUS = st.lists(st.integers(0, 8), max_size=5)


@given(GPUS, GPUS, st.integers(1, 4))
def test_what_is_counted_fits_and_one_more_does_not(
    has: list[int], used: list[int], asks: int
) -> None:
    nodes = [node(f"n{i}", has={GPU: str(count)}) for i, count in enumerate(has)]
    pods = [raw_pod(f"n{i}", **{GPU: str(count)}) for i, count in enumerate(used)]
    wanted = gpu_class(resources={GPU: str(asks)})
    count = schedulable_by_class([wanted], nodes, pods)["l4"]
    free = [max(0, h - u) for h, u in zip(has, used + [0] * len(has), strict=False)]
    assert count == sum(f // asks for f in free)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1", "1"),
        ("100m", "0.1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1e18"),
        ("12e-1", "1.2"),
        ("1Ki", "1024"),
        ("1k", "1000"),
        ("1.5Gi", "1610612736"),
        ("1n", "1e-9"),
        ("250u", "0.00025"),
        ("+2", "2"),
        ("-1", "-1"),
        ("0", "0"),
        (4, "4"),
        (0.5, "0.5"),
    ],
)
def test_quantities_are_exact(text: object, wanted: str) -> None:
    assert parse_quantity(text) == Decimal(wanted)


NO_QUANTITIES: list[object] = [
    *("", " 1", "1 ", "1K", "1ki", "1KiB", "m", "1mm", "1e", "1e999", "0x1", "1,5"),
    *("NaN", "Inf", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 100),
    *(None, True, [], {}),
]


@pytest.mark.parametrize("text", NO_QUANTITIES)
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(InvalidQuantity, match="is not a Kubernetes quantity"):
        parse_quantity(text)
