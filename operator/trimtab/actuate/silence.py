"""How long ago the API server gave no answer."""

from __future__ import annotations

from trimtab.actuate.fence import Clock, elapsed_s


class Silence:
    """Shared by the clients of one process: the one that renews the Lease asks every few seconds,
    and so hears of a short silence too. By a clock that nobody sets."""

    def __init__(self, clock: Clock = elapsed_s) -> None:
        self._clock = clock
        self._last_s: float | None = None

    def note(self) -> None:
        """Now."""
        self._last_s = self._clock()

    @property
    def age_s(self) -> float | None:
        """Seconds since the last; None where there was none."""
        return None if self._last_s is None else self._clock() - self._last_s
