"""What only the embedded cluster shows, in minutes each, or the Prometheus that is built for it."""

from __future__ import annotations

from tests.guards.guard import Edit, Guard
from tests.guards.readings import SUM_OF_THE_REST

_FAULTS = "e2e/faults"

ON_CLUSTER = (
    Guard(
        "time-of-answer",
        "Prometheus answers after 30 s",
        (
            Edit(
                "observe/prometheus.py",
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
        "tests/observe/test_observe_real_prometheus.py::test_a_restart_is_no_negative_traffic",
    ),
    Guard(
        "hung-server",
        "Triton hangs",
        SUM_OF_THE_REST,
        f"{_FAULTS}/test_pods.py::test_a_server_that_hangs_is_no_load_that_went",
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
    ),
    Guard(
        "load-of-the-lost",
        "the node is lost",
        (
            Edit(
                "core/view.py",
                "        last = known.demand[-1][1] if known.demand else None\n",
                "        last = 0.0\n",
            ),
            Edit(
                "core/guard.py",
                "    if workload.ready == 0:\n        # kserve",
                "    if False:\n        # kserve",
            ),
        ),
        f"{_FAULTS}/test_cluster.py::test_a_node_that_is_lost_changes_nothing",
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
    ),
    Guard(
        "old-until-relieved",
        "the operator killed in changes",
        (
            Edit(
                "core/switch.py",
                "        elif _relieved(old, new, choice, options, relief):\n",
                "        elif True:\n",
            ),
        ),
        f"{_FAULTS}/test_operator.py",
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
    ),
)
