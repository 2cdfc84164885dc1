"""The links of a Markdown page, and the anchors that one may point at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\((?P<target>[^()\s]+)\)")
_FENCED, _SPAN = r"^(?P<fence>```+|~~~+).*?^(?P=fence)", r"(?P<tick>`+).+?(?P=tick)"
_CODE = re.compile(f"{_FENCED}|{_SPAN}", re.M | re.S)
_HEADING = re.compile(r"^#{1,6} +(?P<words>.+?)\s*$", re.M)
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.I)


class Link(NamedTuple):
    """A link to a file of the repository. `path`: as written, "" for the page itself; `span`: of
    the whole link; `target`: of what stands in its parentheses."""

    path: str
    anchor: str
    span: tuple[int, int]
    target: tuple[int, int]


def links(text: str) -> Iterator[Link]:
    """Those that are no address of another place; what stands in code is none."""
    for match in _LINK.finditer(_without_code(text)):
        if not _ELSEWHERE.match(match["target"]):
            path, _, anchor = match["target"].partition("#")
            yield Link(path, anchor, match.span(), match.span("target"))


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    found: set[str] = set()
    plain = _without_code(text, keep_spans=True)
    for match in _HEADING.finditer(plain):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match["words"])
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        number = next(i for i in range(1000) if (f"{slug}-{i}" if i else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
    return found


def _without_code(text: str, *, keep_spans: bool = False) -> str:
    """The text with its code blanked out, so that places in it stay where they were."""

    def blank(match: re.Match[str]) -> str:
        if keep_spans and match["tick"]:
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])

    return _CODE.sub(blank, text)
