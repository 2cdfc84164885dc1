"""HiGHS without its banner. It comes with the extra `exact`, so it is imported where it is used."""

from __future__ import annotations

from typing import Any


def quiet_highs() -> Any:
    """A new solver that prints nothing. Raises ImportError where highspy is not installed."""
    import highspy

    class Quiet(highspy.Highs):
        """HiGHS prints its name on standard output, where a report may be due, before its output
        can be turned off from outside."""

        def enableCallbacks(self) -> None:  # noqa: N802 - HiGHS' own name
            self.setOptionValue("output_flag", False)
            super().enableCallbacks()  # type: ignore[no-untyped-call]

    return Quiet()  # type: ignore[no-untyped-call]
