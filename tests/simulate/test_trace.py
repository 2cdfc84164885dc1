"""Recorded load: what the files may hold, and how it is played."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.simulate.errors import SimulationError
from trimtab.simulate.trace import Trace
from trimtab.simulate.trace_file import read_trace


def written(folder: Path, text: str) -> Path:
    path = folder / "load.csv"
    path.write_text(text)
    return path


def test_counts_by_interval_whatever_their_length(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, "second,requests\n100,5\n101,0\n103,8\n"))
    assert trace.edges.tolist() == [0.0, 1.0, 3.0, 5.0]
    assert trace.counts.tolist() == [5, 0, 8]
    assert trace.duration_s == 5.0
    assert trace.rates(1.0).tolist() == [5.0, 0.0, 0.0, 4.0, 4.0]


def test_arrival_times_keep_their_times(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, "arrival_s\n10.25\n12.5\n12.25\n"))
    assert trace.arrivals(0.0, 60.0, 1).tolist() == [0.25, 2.25, 2.5]
    assert trace.duration_s == 3.0
    assert trace.rate(2.0, 3.0) == 2.0


def test_gzip_is_told_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_bytes(gzip.compress(b"second,requests\r\n0,3\r\n"))
    assert read_trace(path).duration_s == 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: '' is no header"),
        ("time,n\n1,2\n", "line 1: 'time,n' is no header"),
        ("second,requests\n", "no row below the header"),
        ("second,requests\n0,5\n1,x\n", "line 3: '1,x' is not second,requests"),
        ("second,requests\n0,5\n\n1,-2\n", "line 4: '1,-2' is not"),
        ("second,requests\n0,5\n1\n", "line 3: '1' is not"),
        ("second,requests\n0,5\n0,5\n", "row 2: second 0 does not come after 0"),
        ("second,requests\n0,5\n1,2.5\n", "row 2: requests 2.5 is not a whole number"),
        ("arrival_s\nnan\n", "line 2: 'nan' is not one time"),
        ("arrival_s\n0\n1e12\n", "from 0 to 1e+12 are more than the 400 days"),
        ("arrival_s\n1e300\n3\n", "give times in seconds"),
        ("second,requests\n0,1\n1e300,1\n", "give times in seconds"),
        ("second,requests\n0,1e300\n", "it holds 1e+300 requests"),
        ("second,requests\n0,1_000\n", "line 2: '0,1_000' is not second,requests"),
        ("arrival_s\n٣\n", "line 2: '٣' is not one time"),
        ("second,requests\n0,5 # peak\n", "line 2: '0,5 # peak' is not"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_value(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SimulationError) as error:
        read_trace(path)
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match=r"gone\.csv: No such file"):
        read_trace(tmp_path / "gone.csv")
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"second,requests\n0,3\n")[:20])
    with pytest.raises(SimulationError, match="neither CSV nor gzipped CSV"):
        read_trace(path)


@given(
    counts=st.lists(st.integers(0, 300), min_size=1, max_size=40),
    width_s=st.sampled_from([1.0, 60.0, 1000.0, 5000.0]),
    cuts=st.lists(st.floats(0.0, 1.0), max_size=5),
)
def test_the_arrivals_are_the_same_however_they_are_cut(
    counts: list[int], width_s: float, cuts: list[float]
) -> None:
    trace = Trace(np.linspace(0.0, len(counts) * width_s, len(counts) + 1), np.array(counts))
    whole = trace.arrivals(0.0, trace.duration_s, 1, 2)
    edges = [0.0, *sorted(c * trace.duration_s for c in cuts), trace.duration_s]
    parts = [trace.arrivals(a, b, 1, 2) for a, b in pairwise(edges)]
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert np.histogram(whole, trace.edges)[0].tolist() == counts
    assert (np.diff(whole) >= 0.0).all()


def test_another_seed_spreads_the_same_counts_otherwise() -> None:
    trace = Trace(np.array([0.0, 60.0]), np.array([100]))
    assert not np.array_equal(trace.arrivals(0.0, 60.0, 1), trace.arrivals(0.0, 60.0, 2))


@pytest.mark.parametrize("factor", [0.1, 0.7, 2.5])
@pytest.mark.parametrize("recorded", [False, True])
def test_a_scaled_trace_has_that_many_more_requests(factor: float, recorded: bool) -> None:
    counts = np.full(1000, 20)
    times = np.sort(np.random.default_rng(1).random(20_000) * 1000.0) if recorded else None
    trace = Trace(np.arange(1001.0), counts, times).scaled(factor, seed=1)
    assert trace.counts.sum() == pytest.approx(20_000 * factor, rel=0.03)
    arrivals = trace.arrivals(0.0, 1000.0, 1)
    assert len(arrivals) == trace.counts.sum()
    assert (np.diff(arrivals) > 0.0).all()


def test_a_lone_interval_far_from_zero_is_a_second_long(tmp_path: Path) -> None:
    """1e300 + 1 is 1e300: the interval had no length."""
    trace = read_trace(written(tmp_path, "second,requests\n1e300,5\n"))
    assert trace.edges.tolist() == [0.0, 1.0]
