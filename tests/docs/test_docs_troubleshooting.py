"""The troubleshooting page has every word that a status or an Event can hold, and no other."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from trimtab.core import agreement, compression
from trimtab.core.mend import _MENDS

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text()
PACKAGE = Path(sys.modules["trimtab"].__path__[0])

# Where a condition's reason is made, and a constraint's name. Every CamelCase word in these modules
# is one, or stands below.
REASONS = (
    *("core/conditions.py", "core/agreement.py", "core/compression.py", "core/decide.py"),
    *("core/undecided.py", "core/snapshot.py", "observe/asker.py", "observe/errors.py"),
    *("observe/gateway.py", "observe/latency.py", "observe/table.py", "actuate/errors.py"),
    *("control/gather.py", "control/loop.py", "control/output_check.py", "control/routes.py"),
    *("control/sample.py", "actuate/job.py"),
)
CONSTRAINTS = (
    *("core/guard.py", "core/ledger.py", "core/switch.py", "core/mixed_steps.py"),
    *("core/mixed_bounds.py", "core/targets.py", "core/route.py", "core/choose.py"),
    "core/behind.py",
)
OTHER_WORDS = {
    # Conditions themselves, and what a condition's status may be.
    *("Ready", "Reconciling", "Stalled", "MetricsAvailable", "SLOMet", "WithinBudget"),
    *(compression.CONDITION, "None", "False"),
    # Phases of a compression, a decision that does nothing, news that goes to the log.
    *("Pending", "Succeeded", "Failed", "Hold", "Prometheus", "Bug"),
    # Sources of a latency; a reading that the core replaces by its own estimate.
    *("PromQL", "TritonCounters", "TritonSummary", "GatewayHistogram", "EstimatedByModel"),
    *("Envoy", "Istio", "Accepted", "ResolvedRefs", "Infinity"),
}
# The manifest of a Job is made beside the words for what keeps it from being made.
OF_A_JOB = {
    *("DisruptionTarget", "FailJob", "File", "Ignore", "In", "Indexed", "Job", "Memory", "Never"),
    *("Service", "True"),
}
CAMEL = re.compile(r"[A-Z]+[a-z]+([A-Z][A-Za-z]*)?")


def words(*modules: str) -> set[str]:
    """Every CamelCase text of these modules."""
    trees = (ast.parse((PACKAGE / module).read_text()) for module in modules)
    texts = {n.value for t in trees for n in ast.walk(t) if isinstance(n, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and CAMEL.fullmatch(text)}


def section(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def told(text: str) -> set[str]:
    """The words in the first column of its tables."""
    rows = (line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    return {word for cell in rows for word in re.findall(r"`(\w+)`", cell)}


def in_the_code() -> set[str]:
    reasons = words(*REASONS) - OTHER_WORDS - OF_A_JOB
    return reasons | words(*CONSTRAINTS) - OTHER_WORDS | {"QueueBound"}


def test_every_reason_has_its_line() -> None:
    assert in_the_code() - told(PAGE) == set()


def test_no_line_is_of_a_word_that_is_gone() -> None:
    actions = {"Start", "ScaleUp", "ScaleDown", "Switch"}
    assert told(PAGE) - in_the_code() == actions
    assert told(section("Events")) == actions


@pytest.mark.parametrize(
    "name",
    [
        *("Ready", "Reconciling", "Stalled", "MetricsAvailable", "SLOMet", "WithinBudget"),
        *(compression.CONDITION, agreement.CONDITION),
    ],
)
def test_every_condition_has_its_section_with_the_reasons_made_for_it(name: str) -> None:
    tree = ast.parse((PACKAGE / "core/conditions.py").read_text())
    made = {
        call.args[2].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and len(call.args) == 4
        if isinstance(call.args[0], ast.Constant) and call.args[0].value == name
        if isinstance(call.args[2], ast.Constant)
    }
    assert told(section(name)) >= made
    assert told(section(name))


def test_what_binds_is_among_the_constraints() -> None:
    bounds = words(*CONSTRAINTS) - OTHER_WORDS | {"QueueBound"}
    assert told(section("What binds")) == bounds
    assert bounds >= set(_MENDS)


def test_actions_are_those_that_explain_makes() -> None:
    source = (PACKAGE / "core/explain.py").read_text()
    function = source[source.index("def action_of") :].partition("\ndef ")[0]
    made = set(re.findall(r'"([A-Z]\w+)"', function)) - {"Hold"}
    assert told(section("Events")) == made
