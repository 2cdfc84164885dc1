from __future__ import annotations

import pytest

from tests.doctor.install import Install


@pytest.fixture
async def install() -> Install:
    """Sound, and running."""
    made = Install()
    await made.start()
    return made
