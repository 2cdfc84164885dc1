"""A signal to stop gives the lease up at once, whatever else takes its time to end."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from trimtab.control.run import end, obey


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_the_election_ends_first(told: signal.Signals) -> None:
    started, stop = asyncio.Event(), asyncio.Event()
    loop, given_up = asyncio.get_running_loop(), False

    async def elect() -> None:
        nonlocal given_up
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            given_up = True

    electing = asyncio.create_task(elect())
    await asyncio.sleep(0)
    obeying = asyncio.create_task(obey(started, stop, electing))
    try:
        # As kopf does while it starts.
        loop.add_signal_handler(told, lambda: pytest.fail("kopf's handler was left in place"))
        started.set()
        await obeying
        os.kill(os.getpid(), told)
        await stop.wait()
        os.kill(os.getpid(), told)  # as one who cannot wait does
        end(electing)  # and kopf has ended too
        await asyncio.gather(electing, return_exceptions=True)
        assert given_up
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
