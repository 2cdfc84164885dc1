"""The pictures of the layers show what .importlinter allows, and nothing else."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "docs" / "design" / "architecture.md"
Arrows = frozenset[tuple[str, str]]


def contract() -> Arrows:
    """Who may import whom: what is below, less what is forbidden."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    rows = lines(parser["importlinter:contract:layers"]["layers"])
    layers = [re.findall(r"\w+", row) for row in rows]
    below = {
        (one, other)
        for i, layer in enumerate(layers)
        for one in layer
        for lower in layers[i + 1 :]
        for other in lower
    }
    for section in parser.values():
        if section.get("type") == "forbidden":
            below -= {
                (source.removeprefix("trimtab."), target.removeprefix("trimtab."))
                for source in lines(section["source_modules"])
                for target in lines(section["forbidden_modules"])
            }
    return frozenset(below)


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def picture(page: str) -> Arrows:
    """The arrows of the first picture, followed to their ends."""
    drawn: dict[str, set[str]] = {}
    block = page.partition("```mermaid\n")[2].partition("```")[0]
    for line in block.splitlines()[1:]:
        left, arrow, right = line.partition("-->")
        assert arrow, line
        for one in re.findall(r"\w+", left):
            drawn.setdefault(one, set()).update(re.findall(r"\w+", right))
    return frozenset((one, other) for one in drawn for other in reached(drawn, one))


def reached(drawn: Mapping[str, set[str]], start: str) -> set[str]:
    direct = drawn.get(start, set())
    return direct.union(*(reached(drawn, each) for each in direct))


def table(page: str) -> Arrows:
    """The arrows of the table of layers: its first column may import what the last one names."""
    rows = [row.strip("|").split("|") for row in page.splitlines() if row.startswith("| `")]
    allowed = {
        cells[0].strip(" `"): set(re.findall(r"`(\w+)", cells[-1]))
        for cells in rows
        if re.fullmatch(r" `\w+` ", cells[0]) and len(cells) == 3
    }
    allowed["cli"] = set(allowed) - {"cli"}
    return frozenset((one, other) for one, others in allowed.items() for other in others)


def test_the_picture_is_the_contract() -> None:
    assert picture(ARCHITECTURE.read_text()) == contract()


@pytest.mark.parametrize("page", [ARCHITECTURE, ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name)
def test_the_tables_of_the_layers_are_the_contract(page: Path) -> None:
    assert table(page.read_text()) == contract()
    assert "| `cli` | the command line" in page.read_text()


def test_the_contract_has_all_packages() -> None:
    package = ROOT / "operator" / "trimtab"
    here = {path.parent.name for path in package.glob("*/__init__.py")}
    assert {name for arrow in contract() for name in arrow} == here
