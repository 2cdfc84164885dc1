"""What holds where Prometheus is in trouble."""

from __future__ import annotations

from tests.guards.guard import Edit, Guard

_LIES = "tests/control/test_control_faulty_prometheus.py"
_WITNESS = "tests/control/test_control_witness.py"
_SPOILT = f"{_LIES}::test_what_cannot_be_read_is_told_and_changes_nothing"
_PROMETHEUS_PY, _TABLE_PY = "observe/prometheus.py", "observe/table.py"

# A sum is made of what is there: whoever says nothing has no load.
SUM_OF_THE_REST = (
    Edit(_TABLE_PY, "        if blind:\n", "        if False:\n"),
    Edit(_TABLE_PY, "        if lacking:\n", "        if False:\n"),
)
_NOTHING_IS_ZERO = (
    *SUM_OF_THE_REST,
    Edit(
        _TABLE_PY,
        "return self._no_series(namespace, model, ready) if required else _warming(ready)",
        "return Cover(namespace, model, frozenset(), frozenset(), now_s)",
    ),
    Edit(_TABLE_PY, "            return _warming(cover.fresh)\n", "            return 0.0\n"),
)

READINGS = (
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
        SUM_OF_THE_REST,
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
        SUM_OF_THE_REST,
        f"{_LIES}::test_a_pod_that_drops_out_of_the_scrapes_does_not_lessen_the_load",
    ),
    Guard(
        "blind-start",
        "the operator starts while nothing can be read",
        (
            Edit(
                "core/demand.py",
                "    counted, blind = state.readings.counted, Demand(None, blind=True)\n",
                "    counted = state.readings.counted\n"
                "    blind = Demand(0.0, blind=False, measured=0.0, arriving=0.0)\n",
            ),
        ),
        f"{_LIES}::test_an_operator_that_starts_blind_takes_nothing_away",
    ),
    Guard(
        "pods-are-asked",
        "a burst while Prometheus is away",
        (
            Edit(
                "control/loop.py",
                "        return self.witness.told(models, readings, now_s)\n",
                "        return readings\n",
            ),
        ),
        f"{_WITNESS}::test_a_burst_while_prometheus_is_away_is_met",
    ),
    Guard(
        "counted-is-a-bound",
        "a lull while Prometheus is away",
        (
            Edit(
                "core/demand.py",
                "    told = _demand(state, memory, policy, *counted, blind=True)\n",
                "    return _demand(state, memory, policy, *counted, blind=False)\n",
            ),
        ),
        f"{_WITNESS}::test_a_lull_while_prometheus_is_away_takes_nothing",
    ),
    Guard(
        "clocks-compared",
        "a clock that is off",
        (Edit(_PROMETHEUS_PY, "        if abs(ahead_s) > MOST_SKEW_S:\n", "        if False:\n"),),
        "tests/observe/test_observe_prometheus.py"
        "::test_a_clock_that_is_far_off_makes_its_answers_those_of_another_time",
    ),
)
