"""What is wrong with the input of a compression, in a sentence that says how to mend it."""

from __future__ import annotations


class CompressError(ValueError):
    """An input that no run can start from. The message names the file, the value and the mend."""
