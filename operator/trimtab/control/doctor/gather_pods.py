"""Whether Ready pods tell the operator what they count, asked as a tick asks them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from trimtab.api.resources import ObjectKey
from trimtab.control.doctor.facts import ReadyPod


class Answering(Protocol):
    """Whoever can ask a pod."""

    async def answers(self, address: str) -> bool:
        """Whether it tells anything."""


async def gather_pods(pods: Answering, ready: Sequence[ReadyPod]) -> Mapping[ObjectKey, bool]:
    """By pod; all at once, as far as `pods` lets."""
    told = await asyncio.gather(*(pods.answers(pod.address) for pod in ready))
    return {pod.key: answered for pod, answered in zip(ready, told, strict=True)}
