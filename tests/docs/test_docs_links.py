"""Every link between the pages leads somewhere, and every page can be reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.generate.links import anchors, links
from docs.generate.site import OUTSIDE, with_links_of_the_site

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")), *OUTSIDE])


def dead(page: Path, text: str) -> list[str]:
    """The targets of its links that are not there."""
    found = []
    for link in links(text):
        target = (page.parent / link.path).resolve() if link.path else page
        if not target.exists():
            found.append(link.path)
        elif link.anchor and link.anchor not in anchors(text if target == page else read(target)):
            found.append(f"{link.path}#{link.anchor}")
    return found


def read(target: Path) -> str:
    return (target / "README.md" if target.is_dir() else target).read_text()


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    assert dead(ROOT / name, (ROOT / name).read_text()) == []


def test_what_leads_nowhere_is_seen(tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    twice = "## Twice\n\n## Twice\n"
    other.write_text(f"# Of `a.b`: what [it](x) is\n\n```sh\n# no heading\n```\n\n{twice}")
    text = (
        "# Here\n[a](other.md#of-ab-what-it-is) [b](#here) [c](other.md#twice-1) [`d`](gone.md)"
        " [e](other.md#no-heading) `[f](code.md)` [g](https://example.com/gone) ![h](gone.png)\n"
        "```\n[i](block.md)\n```\n[j](#there)"
    )
    page = tmp_path / "page.md"
    page.write_text(text)
    assert dead(page, text) == ["gone.md", "other.md#no-heading", "gone.png", "#there"]


@pytest.mark.parametrize(
    ("page", "written", "shown"),
    [
        ("index.md", "[a](docs/design/README.md#x)", "[a](design/README.md#x)"),
        ("index.md", "[a](docs/design)", "[a](design/README.md)"),
        ("index.md", "![a](docs/images/demo.png)", "![a](images/demo.png)"),
        ("design/0004-guards.md", "[a](../../README.md#x)", "[a](../index.md#x)"),
        ("chart.md", "[a](../../SECURITY.md)", "[a](security.md)"),
        ("chart.md", "[values.yaml](values.yaml)", "`charts/trimtab/values.yaml`"),
        ("index.md", "see [it](operator/trimtab/cli)", "see it (`operator/trimtab/cli`)"),
        ("index.md", "[a](#x) `[b](c)`", "[a](#x) `[b](c)`"),
    ],
)
def test_the_site_turns_paths_of_the_repository_into_its_own(
    page: str, written: str, shown: str
) -> None:
    assert with_links_of_the_site(written, page) == shown


class _Loader(yaml.SafeLoader):
    """What mkdocs.yml names of Python is none of this test's business."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def in_nav(entry: Any) -> set[str]:
    if isinstance(entry, str):
        return {entry}
    return set().union(*map(in_nav, entry.values() if isinstance(entry, dict) else entry))


def test_every_page_is_in_the_navigation() -> None:
    config = yaml.load((ROOT / "mkdocs.yml").read_text(), _Loader)
    listed = in_nav(config["nav"]) | set(config.get("not_in_nav", "").split())
    pages = {OUTSIDE.get(name, name.removeprefix("docs/")) for name in PAGES}
    assert pages - listed == set()
    assert in_nav(config["nav"]) - pages == set()
