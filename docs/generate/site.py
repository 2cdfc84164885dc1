"""What the site shows of files outside docs/: the pages themselves, and links from and to them.

mkdocs calls the functions below by their names. Pages are written for GitHub, where a link is a
path in the repository.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs.generate.links import links

ROOT = Path(__file__).resolve().parents[2]
# A file of the repository, and the page that it is on the site.
OUTSIDE: Mapping[str, str] = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "charts/trimtab/README.md": "chart.md",
    "model_repo/README.md": "samples.md",
    "e2e/cluster/README.md": "cluster.md",
}
_ORIGIN = {page: source for source, page in OUTSIDE.items()}


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that lie outside."""
    from mkdocs.structure.files import File

    for source, page in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links into those of the site."""
    return with_links_of_the_site(markdown, page.file.src_uri)


def with_links_of_the_site(text: str, page: str) -> str:
    """A link to a file that the site does not show becomes that file's path, in code."""
    origin = _ORIGIN.get(page, f"docs/{page}")
    for link in sorted(links(text), key=lambda each: each.span, reverse=True):
        if not link.path:
            continue
        target = _in_repository(origin, link.path)
        shown = _shown(target)
        if shown is None:
            start, end = link.span
            words = text[start + 1 : link.target[0] - 2]
            text = f"{text[:start]}{_named(words, target)}{text[end:]}"
            continue
        start, end = link.target
        path = posixpath.relpath(shown, posixpath.dirname(page) or ".")
        anchor = f"#{link.anchor}" if link.anchor else ""
        text = f"{text[:start]}{path}{anchor}{text[end:]}"
    return text


def _in_repository(origin: str, path: str) -> str:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
    readme = f"{target}/README.md"
    return readme if (ROOT / readme).is_file() else target


def _shown(target: str) -> str | None:
    """The page or file of the site; None where it has none."""
    if target in OUTSIDE:
        return OUTSIDE[target]
    return target.removeprefix("docs/") if target.startswith("docs/") else None


def _named(words: str, target: str) -> str:
    plain = words.strip("`")
    return f"`{target}`" if target.endswith(plain) else f"{words} (`{target}`)"
