"""What counts as a jump of a recording."""

import numpy as np

from bench.recordings import jumps_s


def test_a_burst_after_a_quiet_minute_is_one_jump_however_long_it_lasts() -> None:
    counts = np.full(1200, 10)
    counts[600:640] = 45
    assert jumps_s(counts, 4.0).size == 1
    assert jumps_s(counts, 5.0).size == 0


def test_a_few_requests_after_silence_are_no_jump() -> None:
    counts = np.zeros(300, dtype=np.int64)
    counts[200:] = 9
    assert jumps_s(counts, 3.0).size == 0
