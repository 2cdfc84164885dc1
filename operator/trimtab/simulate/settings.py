"""How a run is played: times, seed and scrapes."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.core.settings import DEFAULT_POLICY, PolicySettings


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Times in seconds.

    policy: the name of the rule that scales. start_up_s: from a pod's creation (or from the moment
    there is room for it) to Ready. drain_s: the least time between the order to remove a pod and
    its end, for the endpoints to spread and Triton to exit; it takes no request meanwhile, and
    ends later where its queue takes longer. tick_s: how often the policy is asked. scrape_s: how
    often each pod's counters are sampled, first half a scrape after the start, so that a tick sees
    samples as old as in a cluster, where the two know nothing of each other.
    duration_s: the end of the run; None is the end of the longest trace. blind: (from, to) in
    which Prometheus is down: no samples, no readings. decision: the operator's own settings.
    history_s: the longest window that Metrics can be asked for.
    """

    policy: str = "trimtab"
    start_up_s: float = 60.0
    drain_s: float = 5.0
    tick_s: float = 5.0
    scrape_s: float = 5.0
    seed: int = 1
    duration_s: float | None = None
    blind: tuple[tuple[float, float], ...] = ()
    decision: PolicySettings = DEFAULT_POLICY
    history_s: float = 900.0

    def is_blind(self, t_s: float) -> bool:
        """Whether Prometheus is down at that second of the run."""
        return any(start <= t_s < end for start, end in self.blind)
