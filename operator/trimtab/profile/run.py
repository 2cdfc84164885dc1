"""One profile, from a running server to a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import aiohttp

from trimtab.profile import predict
from trimtab.profile.capacity import measure_capacity
from trimtab.profile.data_file import read_data
from trimtab.profile.gauges import watched
from trimtab.profile.inputs import make_tensors
from trimtab.profile.live import LiveServer, Server, address
from trimtab.profile.loads import SHARES, measure_loads
from trimtab.profile.model import Model, batch_sizes, read_model
from trimtab.profile.notes import notes
from trimtab.profile.points import ROUNDS, measure_points
from trimtab.profile.report import Report
from trimtab.profile.triton import Triton
from trimtab.profile.watch import Watch

Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
_CAPACITY_STEPS = 8  # about


@dataclass(frozen=True, slots=True)
class Ask:
    """What to profile. `seconds`: of load for each batch size, and for each share of the most.

    `shapes`: of one item by input; `data`: the text of a request body. `batches`: None for 1, 2, 4
    and so on. `accelerator_class`: None for gpu or cpu, by where the instances are.
    """

    url: str
    model: str
    version: str | None = None
    metrics_url: str | None = None
    batches: Sequence[int] | None = None
    seconds: float = 5.0
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    data: str | None = None
    accelerator_class: str | None = None
    force: bool = False


async def profile(ask: Ask, bar: Bar) -> Report:
    """Measures it; ProfileError says what is wrong, and what would mend it."""
    address(ask.url)
    async with aiohttp.ClientSession() as session:
        triton = Triton(session, ask.url)
        told = await triton.check()
        version = await triton.version(ask.model, ask.version)
        model = read_model(await triton.config(ask.model, version), version)
        sizes = batch_sizes(ask.batches, model)
        data = {} if ask.data is None else read_data(ask.data, model)
        server = LiveServer(triton, ask.url, model, make_tensors(model, ask.shapes, data))
        try:
            async with watched(session, ask.metrics_url) as gauges:
                report = await measure(server, told, model, sizes, ask, bar, gauges)
        finally:
            server.close()
    return report


async def measure(
    server: Server,
    told: str,
    model: Model,
    sizes: Sequence[int],
    ask: Ask,
    bar: Bar,
    gauges: Mapping[str, float],
) -> Report:
    """The three measurements, and that the server was ours alone meanwhile."""
    watch = Watch(server, force=ask.force)
    await watch.begin()
    with bar("Executions by batch size", ROUNDS) as step:
        points = await measure_points(watch, model, sizes, ask.seconds, step)
    await watch.look_around()
    curve = predict.replica(model, points).curve
    with bar("The most it answers", _CAPACITY_STEPS) as step:
        capacity = await measure_capacity(
            watch, curve.seconds(1), curve.seconds(model.cap), ask.seconds / 2.0, step
        )
    await watch.look_around()
    with bar("Latency under load", len(SHARES)) as step:
        loads = await measure_loads(watch, capacity.rate, ask.seconds, step)
    await watch.look_around()
    return Report(
        server=told,
        model=model,
        accelerator_class=ask.accelerator_class or ("gpu" if model.is_on_gpu else "cpu"),
        points=points,
        capacity=capacity,
        loads=loads,
        notes=notes(model, capacity, loads, is_shared=watch.is_shared),
        gauges=sorted(gauges.items()),
    )
