"""As many replicas as the trace's peak needs, all the time: what fixed provisioning costs."""

from __future__ import annotations

import math

from trimtab.simulate.policies.rule import View

PEAK_SPAN_S = 10
PEAK_QUANTILE = 0.999


class StaticPeak:
    """`peak_rate`: the 99.9th percentile of the trace's 10-second rates; `rate_each`: requests per
    second of one replica within the SLO."""

    def __init__(self, peak_rate: float, rate_each: float) -> None:
        self._replicas = math.ceil(peak_rate / rate_each)

    def first(self, rate: float) -> int:  # noqa: ARG002 - the first minute does not matter to it
        return self._replicas

    def replicas(self, view: View, now_s: float) -> int:  # noqa: ARG002 - nor does anything seen
        return self._replicas
