"""The live account and the closing summary, for people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from e2e.demo.result import Figures
from e2e.kit.recorder import Moment
from e2e.load.stats import Second

_EVERY_S = 5


def say(text: str) -> None:
    """Prints at once, also into a pipe."""
    print(text, flush=True)


class Account:
    """A line every five seconds, and one whenever the decision changes."""

    def __init__(self, target_ms: float, budget: Decimal) -> None:
        self._target_ms = target_ms
        self._budget = budget
        self._seconds: list[Second] = []
        self._told = ""
        self._headed = False

    def tell(self, seconds: Sequence[Second], moment: Moment | None) -> None:
        """Takes the newest seconds of the load and the newest moment of the cluster."""
        self._seconds.extend(seconds)
        if not self._headed:
            self._headed = True
            say(
                f"{'time':>6}  {'req/s':>6} {'failed':>6}  {'p99':>9} of {self._target_ms:g}ms"
                f"   {'ready':>5}  {'$/h':>5} of {self._budget}   decision"
            )
        if len(self._seconds) >= _EVERY_S:
            self._line(moment)
            self._seconds.clear()

    def _line(self, moment: Moment | None) -> None:
        last = self._seconds[-1].second
        rate = sum(s.sent for s in self._seconds) / len(self._seconds)
        failed = sum(s.failed for s in self._seconds)
        tails = [s.p99_s for s in self._seconds if s.p99_s is not None]
        p99 = f"{1000 * max(tails):7.0f}ms" if tails else "        -"
        late = "!" if tails and 1000 * max(tails) > self._target_ms else " "
        fleet = f"{moment.ready}/{moment.replicas}" if moment else "-"
        cost = f"{moment.cost_per_hour}" if moment else "-"
        said = self._news(moment)
        say(
            f"{last:5d}s  {rate:6.0f} {failed:6d}  {p99}{late}"
            f"{'':>{len(f'{self._target_ms:g}') + 5}}{fleet:>6}  {cost:>5}"
            f"{'':>{len(str(self._budget)) + 4}}   {said}"
        )

    def _news(self, moment: Moment | None) -> str:
        """The decision in words where its action or its rule is another than last told."""
        decision = (moment.status.get("decision") or {}) if moment else {}
        gist = f"{decision.get('action')}|{decision.get('binding')}"
        if gist == self._told or not decision:
            return ""
        self._told = gist
        return f"{decision.get('action')}: {decision.get('summary', '')}"


def tell_figures(figures: Figures) -> None:
    """The summary at the end."""
    f = figures
    say("")
    errors = ", ".join(f"{count} x {error}" for error, count in sorted(f.errors.items()))
    say(
        f"  requests       {f.requests}, failed {f.failed}{f' ({errors})' if errors else ''};"
        f" connections refused and tried again {f.connect_retries}"
    )
    say(
        f"  p99            before {_ms(f.p99_before_ms)}, while scaling {_ms(f.p99_during_ms)},"
        f" scaled {_ms(f.p99_settled_ms)}, after {_ms(f.p99_after_ms)}; target {f.target_ms:g} ms"
    )
    say(f"  replicas       {f.replicas_before} -> {f.replicas_peak} -> {f.replicas_after}")
    say(
        f"  cost           ${f.cost_per_hour_before:.2f}/h -> ${f.cost_per_hour_peak:.2f}/h"
        f" -> ${f.cost_per_hour_after:.2f}/h; budget ${f.budget_per_hour:.2f}/h"
    )
    say(
        f"  reaction       {_s(f.seconds_from_step_to_patch)} from the step to the patch,"
        f" {_s(f.seconds_from_step_to_ready)} to the last new replica Ready"
    )
    say("")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _s(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
