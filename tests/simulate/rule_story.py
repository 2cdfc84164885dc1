"""A rule told as a story in time: metrics that a test sets, replicas that follow at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.api.resources import ObjectKey
from trimtab.simulate.policies.rule import Rule, View

MODEL = ObjectKey("shop", "classifier")


@dataclass
class FakeMetrics:
    """Answers what it was told, whatever the window; a window may have its own answer."""

    rate_value: float | None = None
    concurrency_value: float | None = None
    queue_value_s: float | None = None
    latency_value_s: float | None = None
    by_window: dict[float, float | None] = field(default_factory=dict)

    def rate(self, model: ObjectKey, window_s: float) -> float | None:
        return self.by_window.get(window_s, self.rate_value)

    def concurrency(self, model: ObjectKey, window_s: float) -> float | None:
        return self.by_window.get(window_s, self.concurrency_value)

    def queue_time_s(self, model: ObjectKey, window_s: float) -> float | None:
        return self.queue_value_s

    def latency_s(self, model: ObjectKey, percentile: float, window_s: float) -> float | None:
        return self.latency_value_s


class Story:
    """One model that begins with `replicas`, all ready; pods are ready `start_s` after their
    creation, and the rule is asked every `tick_s`."""

    def __init__(
        self,
        rule: Rule,
        replicas: int,
        *,
        start_s: float = 0.0,
        tick_s: float = 5.0,
        high: int = 50,
    ) -> None:
        self.metrics = FakeMetrics()
        self.replicas = replicas
        self.now_s = 0.0
        self._rule, self._start_s, self._tick_s, self._high = rule, start_s, tick_s, high
        self._history = [(-1e9, replicas)]

    @property
    def ready(self) -> int:
        since = self.now_s - self._start_s
        old = [n for t, n in self._history if t <= since][-1:]
        return min([n for t, n in self._history if t > since] + old)

    def run(self, seconds: float) -> list[int]:
        """The replicas after each tick of so many seconds."""
        seen = []
        for _ in range(round(seconds / self._tick_s)):
            self.now_s += self._tick_s
            view = View(MODEL, self.metrics, self.replicas, self.ready, 1, self._high)
            self.replicas = min(max(self._rule.replicas(view, self.now_s), 1), self._high)
            self._history.append((self.now_s, self.replicas))
            seen.append(self.replicas)
        return seen
