"""Service times that change in mid-run, and when the promise is said to be kept again."""

from bench.cases import MANIFESTS
from bench.step import back_after, stepped
from trimtab.simulate.fleet import load_fleet
from trimtab.simulate.truth import make_truth


def test_executions_take_longer_from_the_step_on_and_not_before() -> None:
    truth = make_truth(load_fleet([MANIFESTS / "one.yaml"]))
    (key,) = truth.steps
    later = stepped(truth, 60.0, 1.2)
    assert later.at(*key, 59.9) == truth.at(*key, 0.0)
    assert later.at(*key, 60.0).curve == truth.at(*key, 0.0).curve.scaled(1.2)


def test_one_good_minute_between_bad_ones_is_not_back() -> None:
    good, bad = {"requests": 100, "within": 100}, {"requests": 100, "within": 50}
    assert back_after([bad, good, bad, good, good, good], share=0.99) == 3
    assert back_after([bad, good, good], share=0.99) is None
