"""What a model card says."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

import trimtab
from trimtab.compress import cards


def test_trimtab_may_be_on_the_path_without_being_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In an image that held its code alone every compression failed after all its training.
    def nothing_is_installed(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(cards, "version", nothing_is_installed)
    assert cards.versions("trimtab")["trimtab"] == trimtab.__version__
