"""One install with a Prometheus that can be spoilt, one model and one steady load for all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from e2e.cluster.network import NODE_ADDRESS
from e2e.kit.access import Access, wait_for
from e2e.kit.faulty_prometheus import FaultyPrometheus
from e2e.kit.install import Images, install_prometheus, install_trimtab
from e2e.kit.saturation import step_beyond
from e2e.kit.served import Stage
from e2e.kit.steady import INSTALL, LOAD, Steady, same_twice

LONGEST_S = 1800


@pytest.fixture(scope="package")
def faulty(access: Access, images: Images, most: float) -> Iterator[FaultyPrometheus]:
    """The install reads through a Prometheus that can be spoilt; afterwards it is as it was."""
    if access.embedded is None:
        pytest.skip("faults are made in the parts of the embedded cluster")
    truth = install_prometheus(access, images)
    with FaultyPrometheus(truth, NODE_ADDRESS) as prometheus:
        install_trimtab(access, images, prometheus.url, *INSTALL)
        yield prometheus
        install_trimtab(access, images, truth, "--set", "roomForBursts=false")


@pytest.fixture(scope="package")
def steady(
    access: Access, images: Images, most: float, faulty: FaultyPrometheus
) -> Iterator[Steady]:
    """More load than one replica carries, on a fleet that may grow further."""
    with Stage(access, images) as stage:
        stage.put(same_twice(stage))
        stage.await_condition("Ready", "True", seconds=240)
        rate = step_beyond(most, LOAD)
        schedule = f"{LONGEST_S}s@{rate}"
        with stage.record() as record, stage.load(stage.way_in(), schedule, seed=5) as load:
            steady = Steady(stage, faulty, rate, load, record)
            wait_for("a fleet of several", steady.has_grown, seconds=120)
            yield steady
            load.stop()
            failed = [r for r in load.report(60).results if r.error]
            told = Counter(f"{r.error} at {r.scheduled_s:.0f} s" for r in failed)
            print("failed requests:", "; ".join(f"{n} {why}" for why, n in told.items()) or "none")
