"""Schedules and traces: what is sent when."""

from __future__ import annotations

import gzip
import itertools
import math
from pathlib import Path

import pytest

from e2e.load.arrivals import Schedule, Segment, Trace


def test_a_schedule_is_read_in_any_unit() -> None:
    assert Schedule.parse("30s@20, 1.5m@200,500ms@0").segments == (
        Segment(30.0, 20.0),
        Segment(90.0, 200.0),
        Segment(0.5, 0.0),
    )


@pytest.mark.parametrize("text", ["", "30@20", "30s", "30s@", "s@20", "30s@-1", "0s@20", "1s@2,"])
def test_a_malformed_schedule_is_refused_and_the_part_named(text: str) -> None:
    with pytest.raises(ValueError, match="schedule part"):
        Schedule.parse(text)


def test_the_same_seed_sends_the_same_and_another_does_not() -> None:
    schedule = Schedule.parse("5s@50")
    assert schedule.arrivals(1) == schedule.arrivals(1)
    assert schedule.arrivals(1) != schedule.arrivals(2)


def test_arrivals_ascend_and_stay_within_their_segments() -> None:
    times = Schedule.parse("10s@5,10s@0,10s@50").arrivals(3)
    assert times == sorted(times)
    assert not [time for time in times if 10 <= time < 20]
    assert max(times) < 30


def test_arrivals_are_poisson() -> None:
    """Counts per second have a variance like their mean, gaps a standard deviation like theirs."""
    times = Schedule.parse("1000s@20").arrivals(7)
    counts = [0] * 1000
    for time in times:
        counts[int(time)] += 1
    mean = sum(counts) / 1000
    variance = sum((count - mean) ** 2 for count in counts) / 999
    assert mean == pytest.approx(20, rel=0.03)
    assert variance / mean == pytest.approx(1, rel=0.15)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    gap = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((each - gap) ** 2 for each in gaps) / len(gaps))
    assert spread / gap == pytest.approx(1, rel=0.05)


def test_a_trace_of_counts_keeps_them_exactly_within_their_intervals() -> None:
    trace = Trace.parse("second,requests\n0,3\n5,0\n10,4\n")
    times = trace.arrivals(1)
    assert trace.duration_s == 15
    assert [sum(start <= time < start + 5 for time in times) for start in (0, 5, 10)] == [3, 0, 4]
    assert times == sorted(times)


def test_a_trace_of_times_is_sent_as_it_is_also_from_gzip(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(gzip.compress(b"arrival_s\n0.5\n0.25\n2\n"))
    assert Trace.read(path).arrivals(9) == [0.25, 0.5, 2.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "header is 'a,b'"),
        ("second,requests\n0,x\n", "line 2: no number in column 2"),
        ("second,requests\n0,-1\n", "line 2: -1 is negative"),
        ("second,requests\n0\n", "line 2: no number in column 2"),
        ("second,requests\n5,1\n5,1\n", "does not ascend"),
    ],
)
def test_a_malformed_trace_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Trace.parse(text)
