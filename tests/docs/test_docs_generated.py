"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate.__main__ import MARK, PAGES, rendered
from docs.generate.api import api_reference
from docs.generate.cli import cli_reference
from trimtab.api.crds import KINDS
from trimtab.cli import main

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text() == rendered(DOCS / name), "run `make reference`"


def test_what_is_written_by_hand_stays(tmp_path: Path) -> None:
    page = tmp_path / "cli.md"
    page.write_text(f"# By hand\n{MARK}old")
    assert rendered(page) == f"# By hand\n{MARK}\n{cli_reference()}"
    page.write_text("# By hand\n")
    with pytest.raises(SystemExit, match="has lost the line"):
        rendered(page)


def test_every_kind_and_command_is_in_it() -> None:
    api, cli = api_reference(), cli_reference()
    assert all(f"## {kind.name}\n" in api for kind in KINDS)
    assert all(f"## trimtab {name}\n" in cli for name in main.commands)


LINES = """
| `target`, required | string | The promised time, such as 50ms. Write a time above 0 and at most \
1h with its unit (us, ms, s, m or h), such as 50ms, 4100us or 9.5ms. At most 16 characters. |
| `priority` | integer | Who keeps capacity when a shared limit binds: the higher. Default: `0`. \
From -1000000 to 1000000. |
| `mode` | `Auto` or `Advise` or `Manual` | Auto decides and acts, Advise decides and reports, \
Manual does as scaling.manual says. Default: `"Auto"`. |
| `agreed`, required | integer | Items on which it agreed with the reference. 0 or more. |
| `ratio`, required | number | Share of each layer's channels. Above 0 and below 1. |
| `variants` | list of blocks, told apart by `name` ([fields](#modeldeployment-specvariants)) | \
Variants of the last run that published some; they may serve beside the declared ones. At most 16 \
entries. |
"""
"""Of each kind one: how to write it, bounds of either kind, a default, a shape told before."""


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_a_field_is_told_with_type_default_and_bounds(line: str) -> None:
    assert line in api_reference().splitlines()


def test_rules_across_fields_are_told_in_the_words_of_the_api_server() -> None:
    assert (
        "- objective MaximizeAccuracy needs a limit: give budget or budgetRef, or use MinimizeCost"
    ) in api_reference().splitlines()
