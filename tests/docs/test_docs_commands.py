"""What the pages show of `trimtab` is what it prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from trimtab.cli import main
from trimtab.core import hold

ROOT = Path(__file__).parents[2]
COMMAND, OUTPUT = r"(?P<command>plan -f [^\n]*)", r"(?P<output>.*?)"
SHOWN = re.compile(rf"^```\n\$ trimtab {COMMAND}\n{OUTPUT}^```$", re.M | re.S)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PAGES = ("decision.md", "explain.md")


def commands() -> list[tuple[str, str]]:
    pages = ((ROOT / "docs" / name).read_text() for name in PAGES)
    # Those on files, which need no cluster.
    return [(m["command"], m["output"]) for page in pages for m in SHOWN.finditer(page)]


def printed(command: str) -> str:
    done = CliRunner().invoke(main, shlex.split(command), env={"COLUMNS": "100"})
    assert done.exit_code == 0, done.output
    return TIME.sub("TIME", done.stdout)


def as_shown(output: str) -> re.Pattern[str]:
    """`...` on a line of its own stands for lines that the page leaves out."""
    parts = TIME.sub("TIME", output).split("...\n")
    return re.compile("(?:.*\n)*".join(map(re.escape, parts)))


@pytest.mark.parametrize(("command", "output"), commands())
def test_a_page_shows_what_is_printed(
    command: str, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    said = printed(command)
    assert as_shown(output).fullmatch(said), f"`{command}` prints:\n{said}"


def test_every_page_has_commands_to_run() -> None:
    assert len(commands()) == 6


def test_the_changed_guard_of_contributing_does_what_the_page_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    shown = re.search(r"^\$ \.venv/bin/trimtab (simulate (?:.*\\\n)?.*)$", page, re.M)
    assert shown is not None
    command = shown[1].replace("\\\n", " ")
    as_it_is, changed = re.findall(r"^classifier .*$", page, re.M)
    monkeypatch.chdir(ROOT)
    assert as_it_is in printed(command)
    seconds = re.search(r"`_SHORTEST_S, _LONGEST_S = (\S+), (\S+)`", page)
    assert seconds is not None
    for name, value in zip(("_SHORTEST_S", "_LONGEST_S"), seconds.groups(), strict=True):
        assert hasattr(hold, name)
        monkeypatch.setattr(hold, name, float(value))
    assert changed in printed(command)
