"""The operator dies twenty times in changes of the fleet, and every change ends as it should."""

from __future__ import annotations

import os
import random
import time

from e2e.kit.access import wait_for
from e2e.kit.steady import Steady, same_twice

KILLS, CHANGE_EVERY = 20, 5
# From nothing done to all written: a start, a listing, a first decision and its writes.
LATEST_S = 4.0


def test_twenty_deaths_in_changes_harm_nothing(steady: Steady) -> None:
    seed = int(os.environ.get("TRIMTAB_FAULT_SEED") or time.time())
    print(f"TRIMTAB_FAULT_SEED={seed}")
    chance = random.Random(seed)
    steady.settle()
    began_s = time.time()
    steady.failed()
    least, left = 1, True
    for kill in range(KILLS):
        if kill % CHANGE_EVERY == 0:
            # Up and down, and over to the other variant and back, in turns.
            least, left = (4, left) if kill % (2 * CHANGE_EVERY) else (1, not left)
            steady.stage.put(same_twice(steady.stage, left=left, least=least))
        time.sleep(chance.uniform(0.0, LATEST_S))
        steady.kill_operator()
        steady.await_started()
    steady.stage.await_operator()
    wanted = "left" if left else "right"
    # The last one has to start, and to see for a while, before it lets anything go.
    wait_for("the variant that is asked for, alone", lambda: run(steady) == {wanted}, seconds=120)
    steady.settle()
    moments = steady.since(began_s)
    steady.knew_the_load(began_s)
    assert min(m.ready for m in moments) >= 1
    steady.within_bounds(began_s)
    assert steady.failed() == 0
    assert run(steady) == {wanted}
    assert steady.now.replicas >= least


def run(steady: Steady) -> set[str]:
    """The variants that are asked for."""
    return {
        d["metadata"]["labels"]["trimtab.dev/variant"]
        for d in steady.stage.get("deployments")["items"]
        if d["spec"]["replicas"]
    }
