"""Rows on the screen, cell below cell."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def in_columns(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]) -> str:
    """A line a row, the head first; `right`: heads of the columns that are set to the right."""
    every = [head, *rows]
    widths = [max(len(row[i]) for row in every) for i in range(len(head))]
    lines = (
        "  ".join(
            cell.rjust(size) if name in right else cell.ljust(size)
            for cell, size, name in zip(row, widths, head, strict=True)
        ).rstrip()
        for row in every
    )
    return "\n".join(lines)
