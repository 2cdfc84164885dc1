"""Findings on the screen, or as data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from trimtab.control.doctor.facts import Facts
from trimtab.control.doctor.finding import Finding, Severity

_HEAD = ("SEVERITY", "WHAT", "FINDING", "MEND")
_GAP = "  "
_WHAT = 22
_NARROWEST = 80


def is_sound(findings: Sequence[Finding]) -> bool:
    """Whether nothing is wrong; warnings are allowed."""
    return not any(finding.severity is Severity.ERROR for finding in findings)


def as_data(facts: Facts, findings: Sequence[Finding]) -> dict[str, Any]:
    """For programs."""
    return {
        "sound": is_sound(findings),
        "checked": _checked(facts),
        "findings": [{**asdict(f), "severity": f.severity.value} for f in findings],
        "leftOut": [left._asdict() for left in facts.left_out],
    }


def as_text(facts: Facts, findings: Sequence[Finding], width: int = 100) -> str:
    """A table of the findings, or one line that says what was checked; then what was left out."""
    if findings:
        lines = list(_table(findings, max(width, _NARROWEST)))
    else:
        lines = [f"Nothing is wrong. Checked: {', '.join(_checked(facts))}."]
    for left in facts.left_out:
        lines += _wrap(f"Not checked: {left.check} ({left.why}).", max(width, _NARROWEST), "  ")
    return "\n".join(lines)


def _table(findings: Sequence[Finding], width: int) -> Iterator[str]:
    rest = width - len(_HEAD[0]) - _WHAT - 3 * len(_GAP)
    widths = (len(_HEAD[0]), _WHAT, rest - rest // 2, rest // 2)
    yield _line(_HEAD, widths)
    for finding in findings:
        cells = (finding.severity.value, finding.subject, finding.says, finding.mend)
        wrapped = [_wrap(cell, size) for cell, size in zip(cells, widths, strict=True)]
        for i in range(max(map(len, wrapped))):
            yield _line([lines[i] if i < len(lines) else "" for lines in wrapped], widths)


def _wrap(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(c.ljust(size) for c, size in zip(cells, widths, strict=True)).rstrip()


def _checked(facts: Facts) -> list[str]:
    """What there was to check, in words."""
    checked = ["settings"] if facts.settings else []
    if facts.cluster is not None:
        snapshot = facts.cluster.gathered.snapshot
        if facts.cluster.served:
            checked.append("CRDs")
        if facts.cluster.account is not None:
            checked.append(f"rights of {facts.cluster.account}")
        if facts.cluster.lease is not None:
            checked.append("leader")
        checked.append(_counted(len(snapshot.models), "model"))
        checked.append(_counted(len(snapshot.accelerator_classes), "accelerator class"))
    if facts.answered:
        checked.append("the way to the pods")
    if facts.prometheus is not None:
        checked.append(f"Prometheus at {facts.prometheus.url}")
    return checked


def _counted(count: int, what: str) -> str:
    plural = "es" if what.endswith("s") else "s"
    return f"{count} {what}" + ("" if count == 1 else plural)
