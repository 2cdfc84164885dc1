"""Telling a person what is going on: one line a step, with the time it took."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_BEAT_SECONDS = 15.0


def say(text: str) -> None:
    # On stderr, so that `kubeconfig` and the like can be read by a script.
    print(text, file=sys.stderr, flush=True)


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else f"{int(value) // 60} min {int(value) % 60:02d} s"


@contextmanager
def step(text: str, expect: str = "") -> Iterator[None]:
    """Announce a step, say every quarter of a minute that it still runs, and how long it took."""
    began = time.monotonic()
    finished = threading.Event()

    def beat() -> None:
        while not finished.wait(_BEAT_SECONDS):
            hint = f" (usually {expect})" if expect else ""
            say(f"  ... {text}: {seconds(time.monotonic() - began)}{hint}")

    ticker = threading.Thread(target=beat, daemon=True)
    ticker.start()
    try:
        yield
    except BaseException:
        say(f"  !!  {text}: failed after {seconds(time.monotonic() - began)}")
        raise
    finally:
        finished.set()
        ticker.join()
    say(f"  ok  {text}: {seconds(time.monotonic() - began)}")
