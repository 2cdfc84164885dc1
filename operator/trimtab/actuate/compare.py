"""Whether a live object already is what is desired, in spite of what the API server fills in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

# How the API server tells the items of a list apart; a list that is not named here is one value.
MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "env": ("name",),
    "ports": ("name",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
}

# Where the values are quantities, which the API server rewrites: "1000m" comes back as "1".
_QUANTITIES = frozenset({"limits", "requests", "sizeLimit"})

_QUANTITY = re.compile(r"([+-]?[0-9]*\.?[0-9]+)([eE][+-]?[0-9]+|[KMGTPE]i|[numkMGTPE])?")
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{s: Decimal(1000) ** (i + 1) for i, s in enumerate(("k", "M", "G", "T", "P", "E"))},
    **{s: Decimal(1024) ** (i + 1) for i, s in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))},
}


def is_subset(desired: object, live: object, name: str = "", *, quantity: bool = False) -> bool:
    """Whether every field of `desired` has the same value in `live`.

    `name` is the field both are the value of.
    """
    quantity = quantity or name in _QUANTITIES
    if isinstance(desired, Mapping):
        return isinstance(live, Mapping) and all(
            _field_is_subset(value, live, key, quantity) for key, value in desired.items()
        )
    if isinstance(desired, list | tuple):
        return isinstance(live, list | tuple) and _list_is_subset(desired, live, name)
    if quantity and isinstance(desired, str | int) and isinstance(live, str | int):
        return same_quantity(str(desired), str(live))
    return type(desired) is type(live) and desired == live


def same_quantity(one: str, other: str) -> bool:
    """Whether two quantities are the same amount."""
    first, second = parse_quantity(one), parse_quantity(other)
    return one == other if first is None or second is None else first == second


def parse_quantity(text: str) -> Decimal | None:
    """A Kubernetes quantity in base units, None where it is none."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    digits, suffix = match.groups()
    if suffix is None or suffix in _SUFFIXES:
        return Decimal(digits) * _SUFFIXES.get(suffix or "", Decimal(1))
    return Decimal(digits + suffix)


def _field_is_subset(value: object, live: Mapping[str, Any], key: str, quantity: bool) -> bool:
    if key in live:
        return is_subset(value, live[key], key, quantity=quantity)
    # The API server leaves zero values out of what it returns: minReadySeconds: 0 is absent.
    return value is None or value is False or value in (0, "", [], {})


def _list_is_subset(desired: Sequence[Any], live: Sequence[Any], name: str) -> bool:
    keys = MERGE_KEYS.get(name)
    if keys is None or not all(isinstance(item, Mapping) for item in (*desired, *live)):
        return len(desired) == len(live) and all(
            is_subset(d, found) for d, found in zip(desired, live, strict=True)
        )
    found_by = {tuple(item.get(k) for k in keys): item for item in live}
    # Items of others (a sidecar that a webhook put in) are not ours to judge.
    return all(is_subset(item, found_by.get(tuple(item.get(k) for k in keys))) for item in desired)
