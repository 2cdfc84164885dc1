"""A run: the policy is asked every tick, and every request is played in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from trimtab.api.resources import ObjectKey
from trimtab.core.ledger import budget_key
from trimtab.core.signals import Known, Missing, NoTraffic
from trimtab.core.snapshot import ModelReadings, ModelState, Snapshot
from trimtab.simulate.cluster import Inventory
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.metrics import ScrapedMetrics
from trimtab.simulate.model import SimModel
from trimtab.simulate.policy import Explains, Policy, Seen, Targets
from trimtab.simulate.report import ModelReport, Moment, Report
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import Truth, make_truth

_FIRST_S = 60.0  # the first choice is made for the mean rate of so much of the trace
_UNBOUNDED = 1000  # replicas that nodes can hold of a class without a maximum
_NOTHING_YET = Missing("NoReadyPods", "No pod of the model is ready, so none is measured.")

Progress = Callable[[float], None]


def run(
    fleet: Fleet,
    traces: Mapping[ObjectKey, Trace],
    policy: Policy,
    settings: RunSettings,
    truth: Truth | None = None,
    progress: Progress | None = None,
) -> Report:
    """Plays the traces through the fleet under the policy. The same seed gives the same report.

    `truth`: the manifests' own profiles where it is None. `progress` is told the share that is
    done. Raises SimulationError for a model without a trace.
    """
    for model in fleet.models:
        if model.key not in traces:
            raise SimulationError(
                f"ModelDeployment {model.key} has no trace: add --trace {model.key.name}=FILE."
            )
    return _Run(fleet, traces, policy, settings, truth or make_truth(fleet)).play(progress)


class _Run:
    """What one run holds."""

    def __init__(
        self,
        fleet: Fleet,
        traces: Mapping[ObjectKey, Trace],
        policy: Policy,
        settings: RunSettings,
        truth: Truth,
    ) -> None:
        self._fleet = fleet
        self._traces = traces
        self._policy = policy
        self._explains = policy if isinstance(policy, Explains) else None
        self._settings = settings
        self._inventory = Inventory(fleet.accelerator_classes, settings.start_up_s)
        self._models = [
            SimModel(fleet, spec, i, traces[spec.key], truth, settings, self._inventory)
            for i, spec in enumerate(fleet.models)
        ]
        self._metrics = ScrapedMetrics({m.spec.key: m.scrapes for m in self._models})
        self._moments: dict[ObjectKey, list[Moment]] = {m.spec.key: [] for m in self._models}
        self._arrived = dict.fromkeys(self._moments, 0)
        self._violated_s = 0.0

    def play(self, progress: Progress | None) -> Report:
        began = time.perf_counter()
        settings = self._settings
        longest_s = max(t.duration_s for t in self._traces.values())
        end_s = settings.duration_s or longest_s
        ticks = 0
        while (at_s := ticks * settings.tick_s) < end_s:
            if ticks == 0:
                self._start()
            else:
                self._tick(at_s)
            self._note(at_s)
            next_s = min((ticks + 1) * settings.tick_s, end_s)
            self._violated_s += (next_s - at_s) * self._over_budget()
            for model in self._models:
                model.advance(next_s)
            ticks += 1
            if progress is not None:
                progress(next_s / end_s)
        for model in self._models:
            model.finish(end_s)
        return Report(
            settings.policy,
            tuple(self._model_report(m) for m in self._models),
            self._violated_s,
            end_s,
            time.perf_counter() - began,
            {key: budget.per_hour for key, budget in self._fleet.budgets.items()},
        )

    def _start(self) -> None:
        states = tuple(ModelState(m.spec, (), self._first_readings(m)) for m in self._models)
        targets = self._policy.start(self._seen(states), 0.0)
        for model in self._models:
            model.start(targets.get(model.spec.key, ()))
        self._schedule(-self._settings.start_up_s)
        for model in self._models:
            model.begin()

    def _tick(self, at_s: float) -> None:
        states = tuple(m.state() for m in self._models)
        targets: Targets = self._policy.tick(self._seen(states), at_s)
        for model in self._models:
            if model.spec.key in targets:
                model.apply(targets[model.spec.key])
        self._schedule(at_s)

    def _schedule(self, at_s: float) -> None:
        self._inventory.schedule((m.deployments for m in self._models), at_s)

    def _seen(self, states: Sequence[ModelState]) -> Seen:
        room = {name: self._inventory.free(name) for name in self._fleet.accelerator_classes}
        snapshot = Snapshot(
            models=tuple(states),
            accelerator_classes=self._fleet.accelerator_classes,
            budgets=self._fleet.budgets,
            schedulable={k: _UNBOUNDED if free is None else free for k, free in room.items()},
        )
        return Seen(snapshot, self._metrics)

    def _first_readings(self, model: SimModel) -> ModelReadings:
        """The mean rate of the first minute, known beforehand, and nothing else."""
        rate = self._traces[model.spec.key].rate(0.0, _FIRST_S)
        reading = Known(rate, 0.0) if rate > 0 else NoTraffic(0.0)
        return replace(
            ModelReadings(*(_NOTHING_YET,) * 5, latency_s=_NOTHING_YET),
            arrival_rate=reading,
            arrival_rate_fast=reading,
            pending=Known(0.0, 0.0),
        )

    def _over_budget(self) -> bool:
        """Whether what exists costs more than any budget allows, to the rounding of a float."""
        shared: dict[ObjectKey, float] = {}
        for model in self._models:
            own = model.spec.budget_per_hour
            if own is not None and model.cost_rate > float(own) + 1e-9:
                return True
            if model.spec.budget_ref is not None:
                key = budget_key(model.spec)
                shared[key] = shared.get(key, 0.0) + model.cost_rate
        budgets = self._fleet.budgets
        return any(
            cost > float(budgets[key].per_hour) + 1e-9
            for key, cost in shared.items()
            if key in budgets
        )

    def _note(self, at_s: float) -> None:
        """Adds this tick to every model's timeline."""
        plan = self._explains.plan if self._explains is not None else None
        for model in self._models:
            key = model.spec.key
            decided = plan.models.get(key) if plan is not None else None
            arrived = model.player.arrived
            moment = Moment(
                at_s,
                (arrived - self._arrived[key]) / self._settings.tick_s,
                model.replicas(),
                model.cost_rate,
                *(
                    (decided.latency.predicted_s, decided.decision.action, decided.decision.summary)
                    if decided is not None
                    else ()
                ),
            )
            self._arrived[key] = arrived
            self._moments[key].append(moment)
            model.player.book.note_replicas(at_s, model.existing())

    def _model_report(self, model: SimModel) -> ModelReport:
        minutes = tuple(model.player.book.closed)
        answered = model.player.counts.answered
        accuracies = [_accuracy(model, i) for i in range(len(model.keys))]
        total = int(answered.sum())
        return ModelReport(
            name=self._fleet.short_name(model.spec.key),
            spec=model.spec,
            requests=sum(m.requests for m in minutes),
            answered=sum(m.answered for m in minutes),
            within=sum(m.within for m in minutes),
            histogram=model.player.book.histogram,
            cost=model.ledger.cost,
            accuracy_mean=float(answered @ accuracies) / total if total else None,
            scale_events=model.ledger.scale_events,
            variant_switches=model.ledger.variant_switches,
            minutes=minutes,
            moments=tuple(self._moments[model.spec.key]),
        )


def _accuracy(model: SimModel, kind: int) -> float:
    key = model.keys[kind]
    variant = model.spec.variant(key.variant)
    assert variant is not None
    return float(variant.accuracy_on(key.accelerator_class))
