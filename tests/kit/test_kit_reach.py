"""Whose namespaces go before a session begins."""

from __future__ import annotations

import os

from e2e.kit.reach import left_behind


def test_a_stage_goes_with_the_process_that_made_it() -> None:
    mine, nobodys = f"trimtab-e2e-{os.getpid()}-0a1b2c", "trimtab-e2e-99999999-0a1b2c"
    nameless = "trimtab-e2e-0a1b2c"
    assert left_behind([mine, nobodys, nameless, "trimtab-system", "shop"]) == [nobodys, nameless]
