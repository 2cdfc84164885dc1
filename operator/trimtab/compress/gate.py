"""Whether a variant is good enough to be published, and if not, why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.api.schema_recipes import Gate
from trimtab.compress.measure import Quality
from trimtab.compress.timing import Point


@dataclass(frozen=True, slots=True)
class Beside:
    """A variant's size and time beside another's, whose name is words such as `the baseline`."""

    name: str
    size_ratio: float
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A measured variant. `exact`: fp32, so it must equal torch.

    `beside`: what it must gain on, which is the baseline and, where it was quantised, the network
    that it was before: a pruned one may well be faster without.
    """

    quality: Quality
    beside: tuple[Beside, ...]
    exact: bool


def reasons(candidate: Candidate, gate: Gate) -> list[str]:
    """Why it is refused, each in a sentence; empty where it may be published."""
    found = [disagreement(candidate.quality, gate, exact=candidate.exact)]
    found.append(_drop(candidate.quality, gate))
    gains = (_gain(beside, gate) for beside in candidate.beside)
    # One is enough: what is slower than the baseline need not be told to be slower than all else.
    found.append(next((reason for reason in gains if reason), ""))
    return [reason for reason in found if reason]


def disagreement(quality: Quality, gate: Gate, *, exact: bool) -> str:
    """What the ONNX file says otherwise than torch; empty where it is close enough."""
    if exact and not quality.apart <= gate.tolerance:
        return (
            f"its outputs are up to {quality.apart:.2g} of the largest away from torch's, "
            f"{gate.tolerance:g} is allowed (gate.tolerance)"
        )
    if quality.agreement < gate.agreement:
        return (
            f"it agrees with its torch module on {quality.agreement:.1%}, "
            f"{gate.agreement:.1%} is asked (gate.agreement)"
        )
    return ""


def _drop(quality: Quality, gate: Gate) -> str:
    high = quality.drop_interval[1]
    if high <= gate.max_drop:
        return ""
    before = quality.accuracy + quality.drop
    said = (
        f"accuracy may be {100 * high:.2f} points lower, {100 * gate.max_drop:g} are allowed "
        f"(gate.maxDrop): {quality.accuracy:.2%} against {before:.2%} on {quality.items} items"
    )
    return f"{said}, too few to prove more" if quality.drop <= gate.max_drop else said


def _gain(beside: Beside, gate: Gate) -> str:
    """A smaller variant that is slower is no gain either: what a fleet pays for is time."""
    slower = [p for p in beside.points if p.low > 1 + gate.min_gain]
    if slower:
        return f"slower than {beside.name}: {_ratios(slower)}"
    faster = any(p.high < 1 - gate.min_gain for p in beside.points)
    if faster or beside.size_ratio <= 1 - gate.min_gain:
        return ""
    return (
        f"no gain of {gate.min_gain:.0%} on {beside.name} (gate.minGain): "
        f"size x{beside.size_ratio:.2f}, {_ratios(beside.points)}"
    )


def _ratios(points: Sequence[Point]) -> str:
    """The ends will do: of the smallest and of the largest batch."""
    ends = points if len(points) < 3 else (points[0], points[-1])
    told = ", ".join(f"x{p.ratio:.2f} [{p.low:.2f}, {p.high:.2f}] at {p.batch}" for p in ends)
    return f"time {told} a batch"
