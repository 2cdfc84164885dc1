"""A guard against a fault, and how it is taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OPERATOR = Path("operator/trimtab")


@dataclass(frozen=True)
class Edit:
    """In a file below `OPERATOR`: `old`, which stands there once, and what to put in its place."""

    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """The file's text with the edit; ValueError where `old` does not stand there once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file}: stands there {text.count(self.old)} times: {self.old}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Guard:
    """What holds against a fault. `edits` take it out, all at once: one idea may stand in two
    places, and where either of two is enough, only both together show anything. `proof`: a pytest
    address that fails without it."""

    name: str
    fault: str
    edits: tuple[Edit, ...]
    proof: str


def whole_files(guard: Guard, root: Path) -> dict[str, str]:
    """The texts of its files, by name, as they are in the tree at `root`."""
    return {e.file: (root / OPERATOR / e.file).read_text() for e in guard.edits}


def edited(guard: Guard, whole: Mapping[str, str]) -> dict[str, str]:
    """The texts of its files, by name, without the guard."""
    texts = dict(whole)
    for edit in guard.edits:
        texts[edit.file] = edit.applied(texts[edit.file])
    return texts
