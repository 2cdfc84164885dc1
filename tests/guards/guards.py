"""The faults of docs/design/0016: the guard against each, how to take it out, what fails then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OPERATOR = Path("operator/trimtab")

_LIES = "tests/control/test_control_faulty_prometheus.py"
_SPOILT = f"{_LIES}::test_what_cannot_be_read_is_told_and_changes_nothing"
_PROMETHEUS = "tests/observe/test_observe_prometheus.py"
_CLUSTER = "tests/observe/test_observe_cluster.py"
_STORM = "tests/control/test_control_api_storm.py"
_FAULTS = "e2e/faults"


@dataclass(frozen=True)
class Edit:
    """In a file below `OPERATOR`: `old`, which stands there once, and what to put in its place."""

    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """The file's text with the edit; ValueError where `old` does not stand there once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file}: stands there {text.count(self.old)} times: {self.old}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Guard:
    """What holds against a fault. `edits` take it out, all at once: one idea may stand in two
    places, and where either of two is enough, only both together show anything. `proof`: a pytest
    address that fails without it. on_cluster: it needs the embedded cluster, and minutes."""

    name: str
    fault: str
    edits: tuple[Edit, ...]
    proof: str
    on_cluster: bool = False


def edited(guard: Guard, whole: Mapping[str, str]) -> dict[str, str]:
    """The texts of its files, by name, without the guard."""
    texts = dict(whole)
    for edit in guard.edits:
        texts[edit.file] = edit.applied(texts[edit.file])
    return texts


_PROMETHEUS_PY, _TABLE_PY = "observe/prometheus.py", "observe/table.py"
_GUARD_PY, _VIEW_PY, _SWITCH_PY = "core/guard.py", "core/view.py", "core/switch.py"
_CLUSTER_PY, _LOOP_PY = "observe/cluster.py", "control/loop.py"

# A sum is made of what is there: whoever says nothing has no load.
_SUM_OF_THE_REST = (
    Edit(_TABLE_PY, "        if blind:\n", "        if False:\n"),
    Edit(_TABLE_PY, "        if lacking:\n", "        if False:\n"),
)
_NOTHING_IS_ZERO = (
    *_SUM_OF_THE_REST,
    Edit(
        _TABLE_PY,
        "return self._no_series(namespace, model, ready) if required else _warming(ready)",
        "return Cover(namespace, model, frozenset(), frozenset(), now_s)",
    ),
    Edit(_TABLE_PY, "            return _warming(cover.fresh)\n", "            return 0.0\n"),
)
_SHRINKS_BLIND = Edit(
    _GUARD_PY, "    if demand.blind:\n        # kedacore", "    if False:\n        # kedacore"
)
_SHRINKS_UNREADY = Edit(
    _GUARD_PY, "    if workload.ready == 0:\n        # kserve", "    if False:\n        # kserve"
)

GUARDS = (
    Guard(
        "no-answer",
        "Prometheus is down",
        (
            Edit(
                _PROMETHEUS_PY,
                "            raise self._broken(problem) from problem\n",
                '            return 200, {}, b\'{"status":"success","data":{"resultType":"vector",'
                '"result":[]}}\'\n',
            ),
        ),
        f"{_SPOILT}[down-PrometheusUnreachable]",
    ),
    Guard(
        "status-of-answer",
        "Prometheus answers 500 or 503",
        (Edit(_PROMETHEUS_PY, "        if status != 200:\n", "        if False:\n"),),
        f"{_SPOILT}[error-500-PrometheusRefused]",
    ),
    Guard(
        "error-in-answer",
        "Prometheus answers with an error of its own",
        (
            Edit(
                _PROMETHEUS_PY,
                "        if said and status not in (401, 403):\n",
                "        if False:\n",
            ),
        ),
        f"{_SPOILT}[query-error-PrometheusQueryError]",
    ),
    Guard(
        "shape-of-answer",
        "what answers is no Prometheus",
        (
            Edit(
                _PROMETHEUS_PY,
                '        raise _ShapeError("the answer has no status and data")\n'
                '    kind, result = data.get("resultType")',
                '        return Answer(())\n    kind, result = data.get("resultType")',
            ),
        ),
        f"{_SPOILT}[not-success-PrometheusMalformed]",
    ),
    Guard(
        "empty-is-no-zero",
        "Prometheus answers with nothing",
        _NOTHING_IS_ZERO,
        f"{_SPOILT}[empty-NoSeries]",
    ),
    Guard(
        "nan-is-no-number",
        "NaN",
        _SUM_OF_THE_REST,
        f"{_SPOILT}[nan-WindowTooShort]",
    ),
    Guard(
        "age-of-samples",
        "samples that stand still",
        (
            Edit(
                _TABLE_PY,
                "        if min(ages) > self.settings.stale_after_s:\n",
                "        if False:\n",
            ),
            Edit(
                _TABLE_PY,
                "        limit = now_s - self.settings.stale_after_s\n",
                "        limit = 0.0\n",
            ),
        ),
        f"{_SPOILT}[stale-MetricsStale]",
    ),
    Guard(
        "labels-of-samples",
        "labels by other names",
        _NOTHING_IS_ZERO,
        f"{_SPOILT}[wrong-labels-NoSeries]",
    ),
    Guard(
        "every-pod-counts",
        "one pod is scraped no more",
        _SUM_OF_THE_REST,
        f"{_LIES}::test_a_pod_that_drops_out_of_the_scrapes_does_not_lessen_the_load",
    ),
    Guard(
        "blind-start",
        "the operator starts while nothing can be read",
        (_SHRINKS_BLIND,),
        f"{_LIES}::test_an_operator_that_starts_blind_takes_nothing_away",
    ),
    Guard(
        "clocks-compared",
        "a clock that is off",
        (Edit(_PROMETHEUS_PY, "        if abs(ahead_s) > MOST_SKEW_S:\n", "        if False:\n"),),
        f"{_PROMETHEUS}::test_a_clock_that_is_far_off_makes_its_answers_those_of_another_time",
    ),
    Guard(
        "words-of-waiting",
        "image missing, model repository broken, OOM-killed",
        (
            Edit(
                _CLUSTER_PY,
                "None if ready_s is not None else _waiting_reason(_status(raw))",
                "None",
            ),
        ),
        f"{_CLUSTER}::test_why_a_container_waits",
    ),
    Guard(
        "words-of-memory",
        "OOM-killed",
        (
            Edit(
                _CLUSTER_PY,
                '            if _ended(container).get("reason") == "OOMKilled":\n',
                "            if False:\n",
            ),
        ),
        f"{_CLUSTER}::test_a_container_that_ran_out_of_memory_says_so_in_every_moment",
    ),
    Guard(
        "quota-named",
        "a quota refuses pods",
        (
            Edit(
                _CLUSTER_PY,
                '        if condition.get("type") == "ReplicaFailure" and',
                "        if False and",
            ),
        ),
        f"{_CLUSTER}::test_pods_that_the_api_server_refuses",
    ),
    Guard(
        "room-on-nodes",
        "no accelerator free",
        (
            Edit(
                _GUARD_PY,
                "    allowed, bound = room.growth(spec, class_name, wish)\n",
                '    allowed, bound = wish, ""\n',
            ),
        ),
        "tests/core/test_inventory.py",
    ),
    Guard(
        "foreign-scaler",
        "a foreign HPA",
        (
            Edit(
                _VIEW_PY,
                "bool(self.options) and self.foreign is None and not advises",
                "bool(self.options) and not advises",
            ),
        ),
        "tests/core/test_modes.py::test_a_foreign_scaler_stalls_and_nothing_changes",
    ),
    Guard(
        "refusals-pass",
        "429, 409 and 503 of the API server",
        (Edit(_LOOP_PY, "        if not lasting:\n", "        if False:\n"),),
        f"{_STORM}::test_refused_writes_are_tried_again_each_tick_and_not_more_often",
    ),
    Guard(
        "listings-refused",
        "the API server refuses listings, or a watch is cut",
        (
            Edit(
                _LOOP_PY,
                "            # The watches go on, and so does the loop",
                "            raise\n            # The watches go on, and so does the loop",
            ),
        ),
        f"{_STORM}::test_a_listing_that_is_refused_keeps_no_decision_from_being_made",
    ),
    Guard(
        "proxies-behind",
        "the API server was away for seconds",
        (
            Edit(
                "core/behind.py",
                "    if silent_s is None or now_s",
                "    if True or silent_s is None or now_s",
            ),
        ),
        "tests/core/test_behind.py"
        "::test_a_fleet_that_would_shrink_waits_until_proxies_have_asked_again",
    ),
    Guard(
        "fence",
        "the lease is lost",
        (Edit("actuate/fence.py", "        if left_s <= 0.0:\n", "        if False:\n"),),
        "tests/actuate/test_actuate_fence.py::test_the_fence_closes_by_time_alone",
    ),
    Guard(
        "two-installs",
        "two installs on one cluster",
        (
            Edit(
                "control/installs.py",
                "    return {key: whose for key, whose in found.items() if whose != mine}",
                "    return {}",
            ),
        ),
        "tests/control/test_control_installs.py::test_who_made_the_service_first_serves_the_model",
    ),
    Guard(
        "time-of-answer",
        "Prometheus answers after 30 s",
        (
            Edit(
                _PROMETHEUS_PY,
                "            async with asyncio.timeout(self._settings.timeout_s):\n",
                "            async with asyncio.timeout(None):\n",
            ),
            Edit(
                "observe/fleet.py",
                "        await asyncio.wait(tasks, timeout=settings.deadline_s)\n",
                "        await asyncio.wait(tasks)\n",
            ),
        ),
        f"{_FAULTS}/test_prometheus.py"
        "::test_what_cannot_be_read_is_said_and_changes_nothing[slow-PrometheusTimeout]",
        on_cluster=True,
    ),
    Guard(
        "rate-of-counters",
        "Triton killed: its counters begin at zero",
        (
            Edit(
                "observe/queries.py",
                "(rate({self._over(n, window_s)}))",
                "(clamp_min({self._selector(n)} - {self._selector(n)} offset {int(window_s)}s, 0)"
                " / {int(window_s)})",
            ),
        ),
        f"{_FAULTS}/test_pods.py::test_a_killed_server_is_no_load_that_went",
        on_cluster=True,
    ),
    Guard(
        "hung-server",
        "Triton hangs",
        _SUM_OF_THE_REST,
        f"{_FAULTS}/test_pods.py::test_a_server_that_hangs_is_no_load_that_went",
        on_cluster=True,
    ),
    Guard(
        "rollout-keeps",
        "a rollout to an image that is missing",
        (
            Edit(
                "actuate/deployment.py",
                "    extra, missing = (1, 0) if surge else (0, 1)\n",
                "    extra, missing = 0, 1\n",
            ),
        ),
        f"{_FAULTS}/test_pods.py::test_a_rollout_to_an_image_that_is_missing_takes_no_serving_pod",
        on_cluster=True,
    ),
    Guard(
        "load-of-the-lost",
        "the node is lost",
        (
            Edit(
                _VIEW_PY,
                "        last = known.demand[-1][1] if known.demand else None\n",
                "        last = 0.0\n",
            ),
            _SHRINKS_UNREADY,
        ),
        f"{_FAULTS}/test_cluster.py::test_a_node_that_is_lost_changes_nothing",
        on_cluster=True,
    ),
    Guard(
        "election-goes-on",
        "API server or etcd killed",
        (
            Edit(
                "control/elector.py",
                "            self._note_trouble(error)\n",
                '            __import__("os")._exit(1)\n',
            ),
        ),
        f"{_FAULTS}/test_cluster.py::test_who_decides_outlives_the_api",
        on_cluster=True,
    ),
    Guard(
        "old-until-relieved",
        "the operator killed in changes",
        (
            Edit(
                _SWITCH_PY,
                "        elif _relieved(old, new, choice, options, relief):\n",
                "        elif True:\n",
            ),
        ),
        f"{_FAULTS}/test_operator.py",
        on_cluster=True,
    ),
    Guard(
        "lost-share",
        "the only pod of a variant behind a gateway is lost",
        (
            Edit(
                "control/notice.py",
                "before is not None and _serves(before) and not _is_served(caches, before)",
                "False",
            ),
        ),
        "e2e/test_gateway_loss.py",
        on_cluster=True,
    ),
)
