"""YAML files that users write: read, or refused in one sentence that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MOST_VALUES = 1_000_000
"""Of one file, with what aliases repeat."""
_DEEPEST = 100
# What PyYAML lets out of its constructors: `2001-13-45` is a ValueError, `!!bool maybe` a KeyError,
# `!!int ""` an IndexError, `!!timestamp x` an AttributeError, and `[` a thousand times overflows.
_LEAKS = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)


class UnreadableYaml(ValueError):  # noqa: N818 - it names the state of the file
    """The file cannot be used; the message names it, what is wrong and where."""


def read_yaml(path: Path) -> Any:
    """The one document of the file, None where it is empty; raises UnreadableYaml."""
    documents = read_documents(path)
    if len(documents) > 1:
        raise UnreadableYaml(f"{path} holds {len(documents)} documents: leave one.")
    return documents[0] if documents else None


def read_documents(path: Path) -> list[Any]:
    """Every document of the file; raises UnreadableYaml."""
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        for document in documents:
            _size(document, {}, 0)
    except OSError as error:
        raise UnreadableYaml(f"{path}: {error.strerror or error}.") from None
    except yaml.YAMLError as error:
        raise UnreadableYaml(f"{path} is not YAML: {' '.join(str(error).split())}.") from None
    except _LEAKS as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UnreadableYaml(
            f"{path}: a value cannot be read ({type(error).__name__}: {why}): mend or quote it."
        ) from None
    return documents


def _size(value: Any, known: dict[int, int], depth: int) -> int:
    """How many values there are in that one; ValueError for what no reader can walk through.

    The counter-examples: `&a [*a]` holds itself, nine lines of aliases make a billion values, and
    half a surrogate pair cannot be printed.
    """
    if isinstance(value, str):
        value.encode()
        return 1
    if not isinstance(value, dict | list | tuple | set):
        return 1
    if id(value) in known:
        return known[id(value)]
    if depth > _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    entries = [*value, *value.values()] if isinstance(value, dict) else list(value)
    size = 1 + sum(_size(entry, known, depth + 1) for entry in entries)
    if size > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_VALUES} values")
    known[id(value)] = size
    return size
