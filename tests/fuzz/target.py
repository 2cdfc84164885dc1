"""What is fuzzed: a strategy that draws a case, and a check that holds for every case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.statistics import collector


@dataclass(frozen=True)
class Target:
    """One thing that is fuzzed.

    share: of all cases of a run, relative to the other targets'. few: how many the unit tests
    draw. batch: how many of one seed; hypothesis keeps what it has drawn, and gets slower with it.
    """

    name: str
    cases: st.SearchStrategy[Any]
    check: Callable[[Any], None]
    share: int
    few: int = 12
    batch: int = 200

    def run(self, cases: int, number: int) -> Counter[str]:
        """Checks so many cases of the seed `number`; returns how many hypothesis counts as valid
        and as not. Raises what the check raised on the smallest case that fails.
        """
        counted: Counter[str] = Counter()

        def count(statistics: Any) -> None:
            for phase in ("reuse-phase", "generate-phase"):
                drawn = statistics.get(phase, {}).get("test-cases", ())
                counted.update(case["status"] for case in drawn)

        check = self.check

        def of_this(case: Any) -> None:
            check(case)

        of_this.__qualname__ = of_this.__name__ = self.name.replace("-", "_")
        judged = settings(
            max_examples=cases,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        )(seed(number)(given(case=self.cases)(of_this)))
        with collector.with_value(count):  # type: ignore[arg-type]
            judged()
        return counted
