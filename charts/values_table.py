"""Write the chart's values into its README: `python charts/values_table.py [--check]`.

The comment above a key is its meaning, so that whoever edits values.yaml edits the README too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

CHART = Path(__file__).parent / "trimtab"
BEGIN, END = "<!-- values -->\n", "<!-- end of values -->\n"


class Value(NamedTuple):
    """One row: a key, its default as YAML (empty of a group of keys), and what it means."""

    key: str
    default: str
    meaning: str


def values(text: str) -> Iterator[Value]:
    """The values of a values.yaml, in its order; groups only where they are explained."""
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    yield from _below(root, "", text.splitlines())


def table(text: str) -> str:
    """The rows as Markdown."""
    rows = [f"| {_code(v.key)} | {_code(v.default)} | {_cell(v.meaning)} |" for v in values(text)]
    return "\n".join(["| value | default | |", "|---|---|---|", *rows, ""])


def readme(old: str, text: str) -> str:
    """The README with the table of that values.yaml in the place of its own."""
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README has no lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{table(text)}\n{END}{after}"


def _below(node: yaml.MappingNode, prefix: str, lines: list[str]) -> Iterator[Value]:
    for key, value in node.value:
        name, meaning = f"{prefix}{key.value}", _meaning(lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            if meaning:
                yield Value(name, "", meaning)
            yield from _below(value, f"{name}.", lines)
        else:
            yield Value(name, _default(value), meaning)


def _meaning(lines: list[str], at: int) -> str:
    """The comment that ends right above a line; a list item in it is an example, and left out."""
    above: list[str] = []
    while at and lines[at - 1].lstrip().startswith("# "):
        at -= 1
        above.insert(0, lines[at].lstrip()[2:])
    return " ".join(line for line in above if not line.startswith("- "))


def _default(node: yaml.Node) -> str:
    return json.dumps(yaml.SafeLoader("").construct_object(node, deep=True), ensure_ascii=False)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return re.sub(r"([|<>])", r"\\\1", text)


def main() -> int:
    parser = argparse.ArgumentParser(description="Keep the README's table that of values.yaml.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if it differs")
    path = CHART / "README.md"
    old = path.read_text()
    new = readme(old, (CHART / "values.yaml").read_text())
    if not parser.parse_args().check:
        path.write_text(new)
        return 0
    if old != new:
        sys.stderr.write(
            "the table of values is not that of values.yaml; run `make chart-readme`\n"
        )
    return int(old != new)


if __name__ == "__main__":
    sys.exit(main())
