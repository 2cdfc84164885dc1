"""What a restart forgets of the load, read back from Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from trimtab.core.forecast import replayed
from trimtab.core.memory import Memory, ModelMemory
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import ModelState
from trimtab.observe.history import Ranges, read_executing
from trimtab.observe.queries import ReadSettings

_SINCE_S = 6 * 3600.0
_MOST = 100_000  # rates of all models together: a few seconds of one core
_WAIT_S = 20.0
_NEW_S = 600.0  # who has watched for longer knows better what was late


async def recall(
    client: Ranges,
    reading: ReadSettings,
    models: Sequence[ModelState],
    memory: Memory,
    policy: PolicySettings,
    now_s: float,
) -> Memory:
    """The memory with the load of the last six hours, of a thousand models that of the last quarter
    of an hour. Raises PrometheusError, and TimeoutError after 20 s.

    A burst that comes every two hours was found out anew after every upgrade.
    """
    step_s = reading.fast_window_s
    steps = int(min(_SINCE_S / step_s, _MOST / max(1, len(models))))
    start_s = now_s - steps * step_s
    async with asyncio.timeout(_WAIT_S):
        rates = await read_executing(client, reading, start_s, steps, step_s)
    found = dict(memory.models)
    for state in models:
        spec = state.spec
        known = found.get(spec.key, ModelMemory())
        past = rates.get((spec.key.namespace, spec.model), {})
        points = [(start_s + (step + 1) * step_s, rate) for step, rate in sorted(past.items())]
        if points and known.history.watched_s < _NEW_S:
            history = await asyncio.to_thread(replayed, points, policy.fast_window_s)
            found[spec.key] = known._replace(history=history)
    return Memory(found)
