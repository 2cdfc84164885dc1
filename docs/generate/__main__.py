"""Write what is generated of docs/: `python -m docs.generate [--check]`, from the top folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generate.api import api_reference
from docs.generate.cli import cli_reference

MARK = "<!-- Below this line the page is generated: make reference -->\n"
"""What stands above it in a page is written by hand."""

PAGES: Mapping[str, Callable[[], str]] = {"api.md": api_reference, "cli.md": cli_reference}


def rendered(page: Path) -> str:
    """The page as it should be."""
    by_hand, mark, _ = page.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise SystemExit(f"{page} has lost the line {MARK.strip()!r}: put it back")
    return f"{by_hand}{MARK}\n{PAGES[page.name]()}"


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or with --check say which are stale; 1 where one is."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args(arguments).check
    stale = []
    for name in PAGES:
        page = Path(__file__).resolve().parents[1] / name
        text = rendered(page)
        if page.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            page.write_text(text, encoding="utf-8")
    for name in stale:
        what = "is stale: run `make reference`" if check else "written"
        sys.stdout.write(f"docs/{name} {what}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
