"""Hypothesis strategies: what others write. JSON of every kind, documents that are nearly right,
and bytes that were cut or turned on their way."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Place = tuple[Any, Any]
"""A map or list, and the key or index of an entry in it."""

# What parsers trip over: other spellings of numbers, other digits, braces, climbs, long texts.
WORDS = st.sampled_from(
    [
        *("", " ", "\n", "0", "-0", "-1", "1.5", "1e3", "1e400", "1_0", "0x10", "٣", "²", "9" * 25),
        *("NaN", "nan", "Inf", "+Inf", "-Infinity", "null", "true", "{}", "{mend}", "%s", "\x00"),
        *("50ms", "1h", "4Gi", "1e99", "-4Gi", "250m", "0.0000001", "../..", "/", "a" * 300),
        *("9" * 5000, "é", "\u2028", "cpu", "2001-13-45", "0001-01-01T00:00:00", "1970-01-01"),
    ]
)
texts = WORDS | st.text(max_size=8)
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 1, 101, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, 5e-324, -0.0])
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def places(document: Any) -> Iterator[Place]:
    """Every entry of a document, at any depth."""
    if isinstance(document, dict):
        keys: list[Any] = list(document)
    elif isinstance(document, list):
        keys = list(range(len(document)))
    else:
        return
    for key in keys:
        yield document, key
        yield from places(document[key])


@st.composite
def nearly(
    draw: st.DrawFn, documents: st.SearchStrategy[Any], *, most: int = 3, typed: bool = False
) -> Any:
    """A document with up to `most` changes: entries that are replaced, lost, repeated or moved.

    typed: what an API server that knows the kind lets through, so that a value is replaced by one
    of its own type, and no entry is put where it does not belong.
    """
    made = copy.deepcopy(draw(documents))
    for _ in range(draw(st.integers(0, most))):
        entries = list(places(made))
        if entries:
            _change(draw, entries, typed)
    return made


def _change(draw: st.DrawFn, entries: list[Place], typed: bool) -> None:
    holder, key = draw(st.sampled_from(entries))
    value = holder[key]
    how = draw(st.sampled_from(["replace", "lose", "repeat"] + ["move", "add"] * (not typed)))
    if how == "lose":
        del holder[key]
    elif how == "repeat" and isinstance(holder, list):
        holder.append(copy.deepcopy(value))
    elif how == "move":
        other, place = draw(st.sampled_from(entries))
        holder[key] = copy.deepcopy(other[place])
    elif how == "add" and isinstance(holder, dict):
        holder[draw(texts)] = draw(json_values)
    else:
        holder[key] = draw(_alike(value) if typed else json_values)


def _alike(value: Any) -> st.SearchStrategy[Any]:
    """Values of the same JSON type."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, str):
        return texts
    if isinstance(value, int):
        return st.integers(-(2**31), 2**31 - 1)
    return st.just(type(value)())


@st.composite
def dirty(draw: st.DrawFn, clean: st.SearchStrategy[bytes]) -> bytes:
    """Those bytes: whole, cut short, with some of them turned or put in, or others altogether."""
    data = draw(clean)
    how = draw(st.sampled_from(["whole"] * 6 + ["cut", "turned", "more", "else"]))
    at = draw(st.integers(0, len(data)))
    if how == "cut":
        return data[:at]
    if how in ("turned", "more"):
        return data[:at] + draw(st.binary(max_size=6)) + data[at + (how == "turned") :]
    return draw(st.binary(max_size=64)) if how == "else" else data


@st.composite
def dirty_json(draw: st.DrawFn, documents: st.SearchStrategy[Any], *, most: int = 3) -> bytes:
    """A nearly right document as JSON, dirty. NaN and Infinity are spelled as Python does."""
    made = draw(nearly(documents, most=most))
    return draw(dirty(st.just(json.dumps(made).encode())))


@st.composite
def nested(draw: st.DrawFn, opening: str = "[", closing: str = "]", deepest: int = 1500) -> bytes:
    """Brackets in brackets, deeper than a parser likes."""
    deep = draw(st.sampled_from([1, 2, 50, 90, 120, deepest]))
    return (opening * deep + closing * draw(st.sampled_from([0, deep]))).encode()
