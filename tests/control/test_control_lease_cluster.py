"""Two processes that would both write, on a real API server: stopped, woken, killed, told to go."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import time
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from trimtab.actuate import kinds
from trimtab.actuate.client import KubeClient

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif("KUBECONFIG" not in os.environ, reason="KUBECONFIG names no cluster"),
]


@pytest.fixture
async def client() -> AsyncIterator[KubeClient]:
    async with await KubeClient.connect() as client:
        yield client


@pytest.fixture
async def namespace(client: KubeClient) -> AsyncIterator[str]:
    name = f"lease-{uuid.uuid4().hex[:8]}"
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await client.create(made)
    yield name
    await client.delete(kinds.NAMESPACE, name)


@asynccontextmanager
async def writer(namespace: str, name: str) -> AsyncIterator[Process]:
    """A candidate that writes as long as it is let."""
    command = (sys.executable, "-m", "tests.control.writer", namespace, name)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: Process, word: str) -> None:
    """Waits until the process says so."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while (line := await process.stdout.readline()).decode().strip() != word:
            assert line, f"it ended without saying {word!r}"


async def holder(client: KubeClient, namespace: str) -> tuple[str, int]:
    spec = (await client.get(kinds.LEASE, "writers", namespace))["spec"]
    return spec["holderIdentity"], spec["leaseTransitions"]


async def order(client: KubeClient, namespace: str) -> list[str]:
    """Who wrote, one entry for each uninterrupted row of writes."""
    listed, _ = await client.list(kinds.CONFIG_MAP, namespace, label_selector="writer")
    listed.sort(key=lambda each: int(each["metadata"]["resourceVersion"]))
    return [who for who, _ in itertools.groupby(e["metadata"]["labels"]["writer"] for e in listed)]


async def test_a_stopped_leader_writes_nothing_when_it_wakes(
    client: KubeClient, namespace: str
) -> None:
    async with writer(namespace, "a") as a, writer(namespace, "b") as b:
        first, then = (a, b) if await _who_leads(client, namespace) == "a" else (b, a)
        names = ["a", "b"] if first is a else ["b", "a"]
        await said(first, "writes")
        first.send_signal(signal.SIGSTOP)
        stopped_s = time.monotonic()
        await said(then, "writes")
        print(f"taken over {time.monotonic() - stopped_s:.1f} s after the leader was stopped")
        first.send_signal(signal.SIGCONT)
        await said(first, "refused")
        assert await holder(client, namespace) == (names[1], 1)
        then.kill()
        killed_s = time.monotonic()
        await said(first, "writes")
        print(f"taken over {time.monotonic() - killed_s:.1f} s after the leader was killed")
        assert await order(client, namespace) == [*names, names[0]]


async def test_a_leader_that_is_told_to_go_hands_over(client: KubeClient, namespace: str) -> None:
    async with writer(namespace, "a") as a:
        await said(a, "writes")
        async with writer(namespace, "b") as b:
            await said(b, "refused")
            a.terminate()
            told_s = time.monotonic()
            await said(b, "writes")
            print(f"taken over {time.monotonic() - told_s:.1f} s after the leader was told to go")
            assert await a.wait() == 0
            assert await holder(client, namespace) == ("b", 1)
        assert await order(client, namespace) == ["a", "b"]


async def _who_leads(client: KubeClient, namespace: str) -> str:
    for _ in range(300):
        lease = await client.find(kinds.LEASE, "writers", namespace)
        if lease is not None:
            return str(lease["spec"]["holderIdentity"])
        await asyncio.sleep(0.1)
    raise AssertionError("nobody took the lease")
