"""One thing that is wrong with an install, and what to do."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.observe.table import names


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
    where the words of somebody else, which may hold anything, come in between."""
    said, found, mend = text.rpartition("). ")
    if found:
        return f"{said}).", mend
    said, found, mend = text.partition(": ")
    return (f"{said}.", mend) if found else (text, "see what kubectl describe tells of it")


def some(things: Iterable[object]) -> str:
    """Up to three of them, sorted, and how many more there are."""
    return names(map(str, things))
