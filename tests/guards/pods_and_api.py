"""What holds where pods, money, the API server or another writer is in trouble."""

from __future__ import annotations

from tests.guards.guard import Edit, Guard

_CLUSTER = "tests/observe/test_observe_cluster.py"
_STORM = "tests/control/test_control_api_storm.py"
_CLUSTER_PY, _LOOP_PY = "observe/cluster.py", "control/loop.py"

PODS_AND_API = (
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
                '    if ended.get("reason") == "OOMKilled":\n',
                "    if False:\n",
            ),
        ),
        f"{_CLUSTER}::test_a_container_that_ran_out_of_memory_says_so_in_every_moment",
    ),
    Guard(
        "words-of-crashes",
        "model repository broken, as Kubernetes 1.37 shows it",
        (
            Edit(
                _CLUSTER_PY,
                'return "CrashLoopBackOff" if ended.get("exitCode") else None',
                "return None",
            ),
        ),
        f"{_CLUSTER}::test_nor_does_one_that_fails_again_and_again_start_in_between",
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
                "core/guard.py",
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
                "core/view.py",
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
        "back-for-a-moment",
        "a fleet that was lost is back",
        (
            Edit(
                "core/demand.py",
                "    return since_s + max(window_s, 2.0 * policy.fast_window_s)\n",
                "    return since_s + window_s\n",
            ),
        ),
        "tests/core/test_blindness.py"
        "::test_a_fleet_that_is_back_keeps_its_size_until_its_load_is_seen",
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
)
