"""Argo CD's health check, run as Argo CD runs it: Lua 5.1 with no library but `table`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml
from lupa import lua51

ROOT = Path(__file__).parents[2]
CHECK = ROOT / "examples/argocd/resource_customizations/trimtab.dev/ModelDeployment"

# Those of which a script that works here might fail there. Argo CD's own `os` knows the time alone.
_CLOSED = ("string", "math", "io", "os", "debug", "coroutine", "require", "load", "loadstring")


class Health(NamedTuple):
    """What Argo CD shows."""

    status: str
    message: str


class Case(NamedTuple):
    """One entry of health_test.yaml."""

    input: Path
    expected: Health


def cases() -> list[Case]:
    """The cases of health_test.yaml, which has the form that argo-cd's own tests read."""
    listed = yaml.safe_load((CHECK / "health_test.yaml").read_text())["tests"]
    return [Case(CHECK / c["inputPath"], Health(**c["healthStatus"])) for c in listed]


def health_of(obj: Any) -> Health:
    """The verdict of health.lua."""
    lua = lua51.LuaRuntime(register_eval=False, register_builtins=False)
    scope = lua.globals()
    for name in (*_CLOSED, "python"):
        scope[name] = None
    scope.obj = lua.table_from(obj, recursive=True)
    told = lua.execute((CHECK / "health.lua").read_text())
    return Health(told.status, told.message)
