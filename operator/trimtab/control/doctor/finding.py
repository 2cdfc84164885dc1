"""One thing that is wrong with an install, and what to do."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

_NAMES_SHOWN = 3


class Severity(enum.StrEnum):
    """ERROR: something does not work. WARNING: it works, and not as one might think."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check`: which check found it. `subject`: what it is about. `says` and `mend` are whole
    sentences, as a user reads them."""

    severity: Severity
    check: str
    subject: str
    says: str
    mend: str


def error(check: str, subject: str, says: str, mend: str) -> Finding:
    """Something that does not work."""
    return Finding(Severity.ERROR, check, subject, says, sentence(mend))


def warning(check: str, subject: str, says: str, mend: str) -> Finding:
    """Something that works, and not as one might think."""
    return Finding(Severity.WARNING, check, subject, says, sentence(mend))


def sentence(text: str) -> str:
    """With a capital, unless it begins with a field's name, and a full stop."""
    is_field = "." in text.partition(" ")[0].rstrip(".")
    return (text[:1] if is_field else text[:1].upper()) + text[1:].rstrip(".") + "."


def parted(text: str) -> tuple[str, str]:
    """What is wrong and the mend, of a text that holds both: "WHAT: MEND", or "WHAT (WHY). MEND"
    where somebody else's words come in between."""
    for joint in ("). ", ": "):
        said, found, mend = text.partition(joint)
        if found:
            return said + joint.rstrip(": ").removesuffix(".") + ".", mend
    return text, "see spec of it, and try what it asks for by hand"


def some(things: Iterable[object]) -> str:
    """Up to three of them, sorted, and how many more there are."""
    ordered = sorted(map(str, things))
    more = len(ordered) - _NAMES_SHOWN
    return ", ".join(ordered[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
