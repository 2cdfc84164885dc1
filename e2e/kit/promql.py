"""PromQL as far as tests take it apart: the metrics it names, and the sides of its conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<number>\d+(?:\.\d+)?[a-z]*)
      | (?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
      | (?P<sign>==|!=|>=|<=|=~|!~|\S)""",
    re.VERBOSE,
)
_MATCHER = re.compile(r'(\w+)\s*(?:=~|=)\s*"(?:\\.|[^"\\])*"')
_LISTS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS = frozenset({*_LISTS, "and", "or", "unless", "bool", "offset"})
# From what binds the least; comparisons drop what they do not hold for, as set operators do.
_FILTERS = (("or",), ("and", "unless"), ("==", "!=", ">", "<", ">=", "<="))
_CALLED = ("(", "by", "without")  # what follows the name of a function or an aggregation
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    begin: int
    end: int
    depth: int  # of the brackets around it


def metrics(promql: str) -> set[str]:
    """The names of metrics in it."""
    tokens = _tokens(promql)
    found, skip_to = set(), -1
    for at, token in enumerate(tokens):
        if at < skip_to or token.kind != "word":
            continue
        after = tokens[at + 1].text if at + 1 < len(tokens) else ""
        if token.text in _LISTS and after == "(":
            skip_to = _closing(tokens, at + 1)
        elif not (token.text in _WORDS or after in _CALLED or _in_braces(tokens, at)):
            found.add(token.text)
    return found


def parts(promql: str) -> list[str]:
    """The sides of its conditions: what has to be there for it to be able to tell anything.

    `a > 1 unless b == 1` may rightly be empty; `a` and `b` may not. Of a query without a condition
    it is that query. Sides without a metric, such as 1 and vector(0), are left out.
    """
    return [side for side in _parts(promql.strip()) if metrics(side)]


def relaxed(promql: str) -> str:
    """The same for any value of each label that is asked for: a state that nothing is in."""
    return _MATCHER.sub(r'\1!=""', promql)


def _parts(promql: str) -> Iterator[str]:
    tokens = _tokens(promql)
    for signs in _FILTERS:
        sides = list(_split(promql, tokens, signs))
        if len(sides) > 1:
            for side in sides:
                yield from _parts(side)
            return
    inner = _inside(promql, tokens)
    if inner is None:
        yield promql
        return
    name, within = inner
    deeper = list(_parts(within))
    if name in ("", "absent") or deeper != [within]:
        yield from deeper
    else:
        yield promql


def _split(promql: str, tokens: list[_Token], signs: tuple[str, ...]) -> Iterator[str]:
    """The operands of the outermost operators of that kind, without on (…) and the like."""
    begin = at = 0
    while at < len(tokens):
        token = tokens[at]
        plain = at + 1 < len(tokens) and tokens[at + 1].text != "bool"
        if token.depth == 0 and token.text in signs and token.kind != "text" and plain:
            yield promql[begin : token.begin].strip()
            at += 1
            while tokens[at].text in _LISTS:
                at = _closing(tokens, at + 1) + 1
            begin = tokens[at].begin
        at += 1
    yield promql[begin:].strip()


def _inside(promql: str, tokens: list[_Token]) -> tuple[str, str] | None:
    """What one pair of parentheses around everything holds, and the function or aggregation before
    it; None where there is no such pair, or it holds several arguments."""
    if not tokens or tokens[-1].text != ")":
        return None
    at = 0
    name = tokens[0].text if tokens[0].kind == "word" else ""
    if name:
        at = 1
        if tokens[at].text in _LISTS:
            at = _closing(tokens, at + 1) + 1
    if tokens[at].text != "(" or _closing(tokens, at) != len(tokens) - 1:
        return None
    if any(t.text == "," and t.depth == tokens[at].depth + 1 for t in tokens[at:]):
        return None
    return name, promql[tokens[at].end : tokens[-1].begin].strip()


def _tokens(promql: str) -> list[_Token]:
    found, depth = [], 0
    for match in _TOKEN.finditer(promql):
        kind, text = match.lastgroup or "", match.group()
        if kind == "sign" and text in _CLOSE:
            depth -= 1
        found.append(_Token(kind, text, *match.span(), depth))
        if kind == "sign" and text in _OPEN:
            depth += 1
    return found


def _closing(tokens: list[_Token], at: int) -> int:
    """Where the bracket that opens at `at` is closed."""
    depth = tokens[at].depth
    return next(i for i in range(at + 1, len(tokens)) if tokens[i].depth == depth)


def _in_braces(tokens: list[_Token], at: int) -> bool:
    """Whether it is the label of a matcher: what opened last around it is a brace."""
    around = tokens[at].depth - 1
    opened = [t.text for t in tokens[:at] if t.depth == around and t.text in _OPEN]
    return bool(opened) and opened[-1] == "{"
