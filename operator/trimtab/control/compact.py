"""JSON that shares what it has in common with other JSON.

Each answer of the API server is decoded by itself, so that a thousand children hold a thousand
times the same names of fields, the same image and the same script.
"""

from __future__ import annotations

import sys
from typing import Any


def compact(value: Any) -> Any:
    """The same value; equal texts in it are one text with those of every other such value."""
    if type(value) is str:
        return sys.intern(value)
    if type(value) is dict:
        return {sys.intern(key): compact(entry) for key, entry in value.items()}
    if type(value) is list:
        return [compact(entry) for entry in value]
    return value
