"""The list of guards is true of the code and the tests as they are."""

from __future__ import annotations

import pytest

from tests.guards.__main__ import QUICK, ROOT
from tests.guards.guard import Edit, Guard, edited, whole_files
from tests.guards.on_cluster import ON_CLUSTER

GUARDS = (*QUICK, *ON_CLUSTER)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.name)
def test_every_guard_can_be_taken_out_of_the_code_as_it_is(guard: Guard) -> None:
    whole = whole_files(guard, ROOT)
    for file, text in edited(guard, whole).items():
        assert text != whole[file]
        compile(text, file, "exec")


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.name)
def test_every_proof_is_a_test_that_there_is(guard: Guard) -> None:
    file, _, name = guard.proof.partition("::")
    text = (ROOT / file).read_text()
    assert f"def {name.partition('[')[0]}(" in text if name else "def test_" in text
    assert guard in ON_CLUSTER or not file.startswith("e2e/")


def test_names_tell_guards_apart() -> None:
    assert len({g.name for g in GUARDS}) == len(GUARDS)


def test_an_edit_of_what_stands_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x\.py: stands there 0 times: gone"):
        Edit("x.py", "gone", "").applied("what there is")
