"""Other people's errors, short enough for one of our lines."""

from __future__ import annotations

_LONGEST = 300


def first_line(error: BaseException) -> str:
    """Kind and first line of the message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else "no message"
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return f"{type(error).__name__}: {shown}"
