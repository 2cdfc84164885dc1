"""Kubernetes resource quantities, exactly."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?\d{1,2}))?"
)
_SCALE = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
_MAX_LENGTH = 64


class InvalidQuantity(ValueError):  # noqa: N818 - it names the state of the text
    """A text that is not a Kubernetes quantity. The message names it, and where it stands."""

    def __init__(self, text: object, *where: str) -> None:
        super().__init__(
            f"{': '.join(where)}{': ' if where else ''}{str(text)[:_MAX_LENGTH]!r} "
            "is not a Kubernetes quantity; write for instance 1, 250m, 1.5, 1e3 or 4Gi"
        )
        self.text = text
        self.where = where

    def at(self, where: str) -> InvalidQuantity:
        """The same problem, told from further outside."""
        return InvalidQuantity(self.text, where, *self.where)


def parse_quantity(value: object) -> Decimal:
    """The number a quantity stands for, in the resource's own unit (cores, bytes, devices).

    Takes what JSON holds: a string, or a number that a client wrote without quotes. Raises
    InvalidQuantity otherwise.
    """
    if not isinstance(value, str | int | float):
        raise InvalidQuantity(value)
    return _parse(str(value))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Decimal:
    match = _QUANTITY.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None or not text.isascii():
        raise InvalidQuantity(text)
    number = Decimal(match["number"])
    if match["exponent"]:
        return number.scaleb(int(match["exponent"]))
    return number * _SCALE[match["suffix"]] if match["suffix"] else number
