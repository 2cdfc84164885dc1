"""The sample models that are measured: what is asked of them, and what they are served with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One model. `shape` is of one item; `path` is in the image of sample models.

    `guess_s` is about what one request takes on a core: the first load follows it.
    """

    name: str
    model: str
    variant: str
    input_name: str
    shape: tuple[int, ...]
    output_name: str
    guess_s: float
    max_batch: int = 8

    @property
    def path(self) -> str:
        """Where its repository lies in the image."""
        return f"{self.model}/{self.variant}"


CASES = {
    case.name: case
    for case in (
        Case("xor", "xor", "fp32", "x", (2,), "p", 0.002),
        Case("classifier", "classifier", "fp32", "x", (10,), "logits", 0.002),
        Case("digits-int8", "digits", "int8", "image", (1, 8, 8), "logits", 0.005),
        Case("digits-fp32", "digits", "fp32", "image", (1, 8, 8), "logits", 0.012),
    )
}
