"""What users run today, each as a story in time."""

from __future__ import annotations

import pytest

from tests.simulate.rule_story import Story
from trimtab.simulate.policies.hpa import wish_for_pods, wish_for_total
from trimtab.simulate.policies.keda import RequestRate
from trimtab.simulate.policies.kpa import Kpa
from trimtab.simulate.policies.queue_time import CHART_TARGET_S, QueueTime
from trimtab.simulate.policies.slo_ratio import SloRatio


@pytest.mark.parametrize(
    ("total", "replicas", "wish"),
    [(300.0, 3, 3), (329.0, 3, 3), (331.0, 3, 4), (271.0, 3, 3), (269.0, 3, 3), (190.0, 3, 2)],
)
def test_a_total_within_the_tolerance_of_ten_percent_holds(
    total: float, replicas: int, wish: int
) -> None:
    assert wish_for_total(total, 100.0, replicas) == wish


def test_pods_that_do_not_report_count_as_idle_on_the_way_up() -> None:
    assert wish_for_pods(200.0, 100.0, replicas=4, ready=4) == 8
    assert wish_for_pods(200.0, 100.0, replicas=4, ready=3) == 6
    # Half of the fleet warms up: the ratio of 2 is met by what comes.
    assert wish_for_pods(200.0, 100.0, replicas=4, ready=2) == 4


def test_pods_that_do_not_report_count_as_on_target_on_the_way_down() -> None:
    assert wish_for_pods(25.0, 100.0, replicas=4, ready=4) == 1
    assert wish_for_pods(25.0, 100.0, replicas=4, ready=2) == 3


def test_keda_doubles_every_15_s_and_shrinks_after_300_s() -> None:
    story = Story(RequestRate(target_rate=100.0), replicas=5)
    story.metrics.rate_value = 500.0
    assert set(story.run(60)) == {5}
    story.metrics.rate_value = 3000.0
    assert story.run(30)[::3] == [10, 20]
    assert story.run(15)[0] == 30
    story.metrics.rate_value = 400.0
    assert set(story.run(285)) == {30}
    assert story.run(20)[-1] == 4


def test_keda_adds_four_pods_where_doubling_would_add_less() -> None:
    story = Story(RequestRate(target_rate=100.0), replicas=1)
    story.metrics.rate_value = 800.0
    assert story.run(20)[::3] == [5, 8]


def test_keda_without_an_answer_holds() -> None:
    story = Story(RequestRate(target_rate=100.0), replicas=7)
    assert set(story.run(900)) == {7}


def test_the_chart_target_of_50_us_grows_to_the_maximum_under_any_queue() -> None:
    story = Story(QueueTime(CHART_TARGET_S, rate_each=100.0), replicas=2, high=20)
    story.metrics.queue_value_s = 0.002
    assert story.run(60)[-1] == 20


def test_a_queue_time_near_its_target_holds() -> None:
    story = Story(QueueTime(0.010, rate_each=100.0), replicas=4)
    story.metrics.queue_value_s = 0.0108
    assert set(story.run(600)) == {4}


def test_the_chart_holds_when_its_metric_is_missing() -> None:
    story = Story(QueueTime(0.010, rate_each=100.0), replicas=4)
    assert set(story.run(600)) == {4}


def test_kpa_follows_the_stable_window() -> None:
    story = Story(Kpa(target=7.0, latency_s=0.01), replicas=1, tick_s=2.0)
    story.metrics.concurrency_value = 13.0
    assert story.run(4) == [2, 2]


def test_kpa_panics_at_twice_the_ready_and_takes_nothing_away_for_60_s() -> None:
    story = Story(Kpa(target=10.0, latency_s=0.01), replicas=1, start_s=1000.0, tick_s=2.0)
    story.metrics.by_window = {60.0: 8.0, 6.0: 80.0}
    assert story.run(2) == [8]
    story.metrics.by_window = {60.0: 15.0, 6.0: 5.0}
    assert set(story.run(58)) == {8}
    assert story.run(6)[-1] == 2


def test_kpa_shrinks_by_half_at_most_in_one_decision() -> None:
    story = Story(Kpa(target=10.0, latency_s=0.01), replicas=16, tick_s=2.0)
    story.metrics.concurrency_value = 5.0
    # It begins in panic, as there is more than one pod and no history.
    assert set(story.run(60)) == {16}
    assert story.run(10) == [16, 8, 4, 2, 1]


def test_kpa_without_data_holds() -> None:
    story = Story(Kpa(target=10.0, latency_s=0.01), replicas=6, tick_s=2.0)
    assert set(story.run(200)) == {6}


def test_the_slo_ratio_grows_above_055_and_holds_in_its_band() -> None:
    story = Story(SloRatio(target_s=0.1, rate_each=100.0), replicas=4)
    story.metrics.latency_value_s = 0.050
    assert set(story.run(300)) == {4}
    story.metrics.latency_value_s = 0.110
    grown = story.run(60)
    # The mean of the last three ratios passes 0.55 at once; 30 s of wishes must agree, so the next
    # sync acts, with the first wish: 4 * 0.7/0.55.
    assert grown[:4] == [4, 4, 4, 6]
    assert grown[-1] > 6


def test_the_slo_ratio_grows_by_four_pods_or_double_in_60_s_however_late_it_is() -> None:
    story = Story(SloRatio(target_s=0.1, rate_each=100.0), replicas=2)
    story.metrics.latency_value_s = 9.0
    grown = story.run(90)
    assert grown[:7] == [2, 2, 2, 2, 2, 2, 6]
    assert max(grown) == 6


def test_the_slo_ratio_gives_credit_for_pods_that_warm_up() -> None:
    story = Story(SloRatio(target_s=0.1, rate_each=100.0), replicas=4, start_s=1000.0)
    story.metrics.latency_value_s = 0.100
    # 1.0/0.55 of 4 asks for 8; while 4 of 8 are ready the ratio counts half and 8 are enough.
    assert story.run(300)[-1] == 8


def test_the_slo_ratio_goes_down_by_one_pod_in_120_s_after_180_s() -> None:
    story = Story(SloRatio(target_s=0.1, rate_each=100.0), replicas=10)
    story.metrics.latency_value_s = 0.005
    shrunk = story.run(600)
    assert shrunk[:35] == [10] * 35
    assert [shrunk.index(n) * 5 for n in (9, 8, 7)] == pytest.approx([180, 300, 420], abs=15)
