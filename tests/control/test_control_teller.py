"""What is told of a fleet at rest, and how little is worked out for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.control.test_control_status import KEY, NOW, plan, state
from tests.control.world import FakeKube, World, model_deployment
from trimtab.actuate import kinds
from trimtab.api.resources import ObjectKey, OutputCheck
from trimtab.control import teller as module
from trimtab.control.teller import Teller
from trimtab.core.compression import Compressed, Phase
from trimtab.core.explain import Explanation
from trimtab.core.explain import explain as in_words
from trimtab.core.plan import Condition, ConditionStatus, Constraint, Latency, ModelPlan, Target
from trimtab.core.snapshot import Agreement, Checked, ModelState, Snapshot, WorkloadKey

NAME = ObjectKey("shop", "digits")
RESTING_S = 5.0


class Told:
    """A model whose status was written and then looked at; `worked_out` counts explanations."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World()
        self.kube: FakeKube = self.world.kube
        self.kube.put(model_deployment())
        self.worked_out = 0
        self.state, self.plan = state(), plan()
        self.now_s = NOW
        caches, actor = self.world.loop.caches, self.world.loop.actor
        (obj,) = (o for (kind, _, _), o in self.kube.objects.items() if kind == "ModelDeployment")
        caches.put(kinds.MODEL_DEPLOYMENT, obj)
        self.teller = Teller(actor, caches, self.world.loop.metrics)

        def counted(*given: object) -> Explanation:
            self.worked_out += 1
            return in_words(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(module, "explain", counted)

    async def tell(
        self, *, after_s: float = RESTING_S, compressed: Compressed | None = None
    ) -> int:
        """One tick over the model alone; returns how many statuses were written."""
        self.now_s += after_s
        before = len(self.kube.writes)
        self.teller.begin(1, RESTING_S)
        await self.teller.tell(self.state, self.plan, Snapshot(()), compressed, self.now_s)
        return len(self.kube.writes) - before


@pytest.fixture
async def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    it = Told(monkeypatch)
    assert await it.tell() == 1
    assert await it.tell() == 0
    return it


async def test_of_a_model_at_rest_nothing_is_worked_out_for_a_minute(told: Told) -> None:
    told.worked_out = 0
    for _ in range(10):
        assert await told.tell() == 0
    assert told.worked_out == 0
    assert await told.tell(after_s=60.0) == 0
    assert told.worked_out == 1


async def test_figures_that_go_on_moving_are_written_about_once_a_minute(told: Told) -> None:
    writes = 0
    for i in range(60):
        told.plan = replace(told.plan, latency=Latency(0.05 + 0.02 * i, 0.05, "TritonSummary"))
        writes += await told.tell()
    assert 4 <= writes <= 5


async def test_what_somebody_else_wrote_into_the_status_is_mended_at_once(told: Told) -> None:
    obj = told.kube.objects["ModelDeployment", *NAME]
    obj["status"] = {**obj["status"], "replicas": 77}
    told.kube.touch(obj)
    told.world.loop.caches.put(kinds.MODEL_DEPLOYMENT, obj)
    assert await told.tell() == 1
    assert told.kube.objects["ModelDeployment", *NAME]["status"]["replicas"] == 1


def _planned(change: Callable[[ModelPlan], ModelPlan]) -> Callable[[Told], None]:
    def to(it: Told) -> None:
        it.plan = change(it.plan)

    return to


def _seen(change: Callable[[ModelState], ModelState]) -> Callable[[Told], None]:
    def to(it: Told) -> None:
        it.state = change(it.state)

    return to


def _decided(**fields: object) -> Callable[[Told], None]:
    return _planned(lambda p: replace(p, decision=replace(p.decision, **fields)))  # type: ignore[arg-type]


_FLOOR = Constraint("BudgetCap", "the money ends there")
_READY = Condition("Ready", ConditionStatus.TRUE, "Elsewhere", "Pods answer.")
_SWITCHED = WorkloadKey("int8", "gpu")
_CHECK = OutputCheck("samples", "digits", Decimal("0.9"), 3600.0)
_AGREED = Agreement(KEY, 3, 10, NOW, "fingerprint", "sample", "template")


def _asked(it: ModelState) -> ModelState:
    """As after the first answer to a sample."""
    return replace(it, spec=replace(it.spec, output_check=_CHECK), checked=Checked((_AGREED,)))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_decided(action="ScaleUp"), id="action"),
        pytest.param(_decided(binding="BudgetCap"), id="binding"),
        pytest.param(_decided(constraints=(_FLOOR,)), id="constraints"),
        pytest.param(_planned(lambda p: replace(p, conditions=(_READY,))), id="reason"),
        pytest.param(_planned(lambda p: replace(p, targets=(Target(KEY, 2, 1),))), id="replicas"),
        pytest.param(
            _planned(lambda p: replace(p, targets=(Target(_SWITCHED, 1, 1),))), id="class"
        ),
        pytest.param(
            _planned(lambda p: replace(p, targets=(Target(KEY, 1, 1, weight=60),))), id="weight"
        ),
        pytest.param(_planned(lambda p: replace(p, cost_per_hour=Decimal(7))), id="cost"),
        pytest.param(_planned(lambda p: replace(p, budget_per_hour=Decimal(7))), id="budget"),
        pytest.param(_planned(lambda p: replace(p, latency=Latency(source="PromQL"))), id="source"),
        pytest.param(_seen(lambda s: replace(s, workloads=state(2).workloads)), id="pods"),
        pytest.param(_seen(lambda _: state(generation=4)), id="generation"),
        pytest.param(_seen(_asked), id="answers"),
    ],
)
async def test_every_transition_is_written_in_its_own_tick(
    told: Told, change: Callable[[Told], None]
) -> None:
    change(told)
    assert await told.tell() == 1


async def test_the_end_of_an_action_is_written_at_once(told: Told) -> None:
    at_rest, told.plan = (
        told.plan,
        replace(told.plan, decision=replace(told.plan.decision, action="ScaleUp")),
    )
    assert [await told.tell(), await told.tell()] == [1, 0]
    told.plan = at_rest
    assert await told.tell() == 1


async def test_another_answer_to_the_same_sample_is_written_at_once(told: Told) -> None:
    told.state = _asked(told.state)
    assert [await told.tell(), await told.tell()] == [1, 0]
    worse = replace(_AGREED, agreed=2)
    told.state = replace(told.state, checked=Checked((worse,)))
    assert await told.tell() == 1


async def test_a_compression_that_began_is_told_at_once(told: Told) -> None:
    began = Compressed(Phase.RUNNING, "Running", "A Job makes variants.", "hash")
    assert await told.tell(compressed=began) == 1
