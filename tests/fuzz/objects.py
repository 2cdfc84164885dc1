"""What comes back from a cluster: parsed, told of or passed over, it disturbs nobody else."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.control.world import accelerator_class, model_deployment
from tests.core.rules import RULES, Scene
from tests.fuzz import cluster
from tests.fuzz.schema import hold, status_schema
from tests.fuzz.target import Target
from tests.hostile import nearly
from trimtab.actuate import kinds
from trimtab.actuate.kinds import kind_of
from trimtab.actuate.settings import CompressSettings, InstallSettings
from trimtab.api.parse import parse_model_deployment
from trimtab.api.resources import ObjectKey
from trimtab.control.agreements import read_agreements
from trimtab.control.caches import Caches
from trimtab.control.compression import read_compression
from trimtab.control.events import transitions
from trimtab.control.gather import gather
from trimtab.control.status import News, build_problem_status, build_status, news_of
from trimtab.control.status_read import read_status
from trimtab.core.conditions import stalled
from trimtab.core.explain import explain
from trimtab.core.explain_text import text
from trimtab.core.memory import Memory
from trimtab.core.snapshot import Checked, ModelState, Snapshot

NOW_S = 1_000_000.0
INSTALL = InstallSettings(compress=CompressSettings(image="compress:1"))
CANARY = ObjectKey(cluster.NAMESPACE, cluster.CANARY)

OBJECTS = st.lists(
    st.one_of(
        cluster.models,
        cluster.classes.map(lambda made: _renamed(made, "theirs")),
        cluster.budgets,
        cluster.builtin,
        cluster.keda,
    ),
    max_size=6,
)


def _renamed(obj: dict[str, Any], name: str) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], "name": name}}


def check(objects: list[dict[str, Any]]) -> None:
    """One decision over all that was seen: every rule holds, every status can be written, and the
    model that nobody touched is decided on as ever.
    """
    caches = Caches()
    untouched = [
        accelerator_class(),
        model_deployment(cluster.CANARY),
        cluster.deployment(cluster.CANARY),
        cluster.pod(cluster.CANARY, "int8", 0),
    ]
    for obj in [*untouched, *objects]:
        caches.put(kind_of(obj), obj)
    gathered = gather(caches, INSTALL)
    (canary,) = [s for s in gathered.snapshot.models if s.spec.key == CANARY]
    (workload,) = canary.workloads
    assert (workload.replicas, workload.ready, workload.batch_cap) == (2, 1, 4)
    scene = Scene(gathered.snapshot, Memory(), NOW_S)
    for rule in RULES:
        rule(scene)
    for (kind, key), problems in gathered.problems.items():
        assert all(problem.strip() for problem in problems)
        found = caches.get(kind, key)
        if kind is kinds.MODEL_DEPLOYMENT and found is not None:
            status = build_problem_status(
                found["metadata"]["generation"],
                found.get("status") or {},
                stalled("InvalidSpec", "; ".join(problems)),
                NOW_S,
            )
            hold(status_schema(), status)
            assert {"Stalled": "True"}.items() <= _verdicts(status).items()


def _verdicts(status: dict[str, Any]) -> dict[str, str]:
    return {c["type"]: c["status"] for c in status["conditions"]}


STATUSES = nearly(st.just(cluster.STATUS), most=4)
MODEL = model_deployment("digits", **cluster.SPECS[5])
SPEC = parse_model_deployment(MODEL)


def check_status(status: Any) -> None:
    """A status that an older version, or somebody else, wrote is read as far as it goes, and what
    is written over it is of the schema.
    """
    caches = Caches()
    caches.put(kinds.MODEL_DEPLOYMENT, {**MODEL, "status": status})
    found = caches.get(kinds.MODEL_DEPLOYMENT, SPEC.key)
    assert found is not None
    live = found.get("status") or {}
    told = read_status("digits", live)
    if told is not None:
        text(told)
    state = ModelState(SPEC, checked=Checked(read_agreements(live)))
    scene = Scene(Snapshot((state,)), Memory(), NOW_S)
    explained = explain(scene.plan.models[SPEC.key], SPEC, {})
    decided = build_status(state, explained, live, NOW_S, read_compression(live))
    refused = build_problem_status(3, live, stalled("InvalidSpec", "why"), NOW_S)
    for new in (decided, refused):
        hold(status_schema(), new)
        news_of(new, live)
        list(transitions(new, live))
        assert news_of(new, new) is News.NONE


TARGETS = (
    Target("objects", OBJECTS, check, share=10),
    Target("statuses", STATUSES, check_status, share=8),
)
