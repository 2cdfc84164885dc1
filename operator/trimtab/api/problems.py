"""What is wrong with an object, in sentences: the field, its value, and the mend."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sized
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_SHOWN = 80
_ABSENT = object()
_TYPES = {
    "string_type": "write it as a string, in quotes",
    "int_type": "write it as a whole number, without quotes",
    "float_type": "write it as a number, without quotes",
    "bool_type": "write true or false",
    "list_type": "write it as a list",
    "model_type": "write it as a map of fields",
    "model_attributes_type": "write it as a map of fields",
    "dict_type": "write it as a map of fields",
}
# The rest of pydantic's words for bounds, with ours; {…} are pydantic's own context names.
_BOUNDS = {
    "too_long": "has {length} entries, at most {max_length} are allowed: remove some",
    "too_short": "needs at least {min_length} entry: add one",
    "string_too_long": "is longer than {max_length} characters: shorten it",
    "string_too_short": "needs at least {min_length} character: fill it in or remove the field",
    "greater_than_equal": "must be at least {ge}: raise it",
    "less_than_equal": "must be at most {le}: lower it",
    "greater_than": "must be above {gt}: raise it",
    "less_than": "must be below {lt}: lower it",
    "enum": "choose one of {expected}",
    "literal_error": "choose one of {expected}",
}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Location = tuple[int | str, ...]


def describe(error: ValidationError, obj: Any) -> list[str]:
    """A sentence per problem, in the order of the fields."""
    return [_sentence(line, obj, error) for line in error.errors(include_url=False)]


def without_nulls(obj: Any) -> Any:
    """The object without fields that are null: the API server takes those for absent.

    Entries of lists stay, as they do there.
    """
    if isinstance(obj, Mapping):
        return {key: without_nulls(value) for key, value in obj.items() if value is not None}
    if isinstance(obj, list):
        return [without_nulls(entry) for entry in obj]
    return obj


def _sentence(line: ErrorDetails, obj: Any, error: ValidationError) -> str:
    location = _real(line["loc"])
    where = _path(location)
    value = _value(obj, location)
    kind = line["type"]
    if kind == "missing":
        return f"{where} is missing: add it"
    if kind == "extra_forbidden":
        return f"{where} is no field of {error.title.removesuffix('Resource')}: {_rename(line)}"
    mend = _mend(line, value)
    if value is _ABSENT or isinstance(value, Mapping | list):
        return f"{where}: {mend}"
    return f"{where} is {_shown(value)}: {mend}"


def _mend(line: ErrorDetails, value: Any) -> str:
    kind = line["type"]
    if kind in _BOUNDS:
        length = len(value) if isinstance(value, Sized) else 0
        return _BOUNDS[kind].format(length=length, **line.get("ctx", {}))
    return _TYPES.get(kind, line["msg"])


def _rename(line: ErrorDetails) -> str:
    return f"remove {line['loc'][-1]!r} or correct its name"


def _real(location: Location) -> Location:
    """Without the marks pydantic adds for keys of maps."""
    return tuple(part for part in location if part != "[key]")


def _value(obj: Any, location: Location) -> Any:
    for part in location:
        try:
            obj = obj[part]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return obj


def _path(location: Location) -> str:
    path = ""
    for part in location:
        if isinstance(part, int) or not _IDENTIFIER.fullmatch(part):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path or "the object"


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
