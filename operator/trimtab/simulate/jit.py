"""numba's compiler with a type that type checkers understand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """The function as machine code, kept on disk between runs."""
    return cast(_Function, njit(cache=True)(function))
