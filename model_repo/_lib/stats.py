"""Accuracy with its uncertainty."""

from __future__ import annotations

from math import sqrt

_Z95 = 1.959963984540054


def wilson(correct: int, total: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion; honest also close to 0 and 1."""
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{correct} of {total} is not a proportion")
    share = correct / total
    scale = 1 + _Z95**2 / total
    centre = (share + _Z95**2 / (2 * total)) / scale
    half = _Z95 / scale * sqrt(share * (1 - share) / total + _Z95**2 / (4 * total**2))
    return max(0.0, centre - half), min(1.0, centre + half)
