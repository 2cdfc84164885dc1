"""What the kubelet is told of one that leads, and of one that stands by."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.control.health import Health

NOW_S = 1_000_000.0


@dataclass
class Operator:
    """An elector and a loop, as far as health asks them."""

    knows: bool = True
    turned_s: float | None = NOW_S
    led_since_s: float | None = None
    last_tick_s: float | None = None

    def health(self) -> Health:
        return Health(self, self, tick_s=5.0, clock=lambda: NOW_S)


def test_who_stands_by_is_alive_and_ready_without_a_decision() -> None:
    health = Operator().health()
    assert (health.alive(), health.ready()) == (None, None)


def test_without_a_look_at_the_lease_it_is_not_ready() -> None:
    """A Role that is missing stops a rollout here, and not after the old one has gone."""
    health = Operator(knows=False).health()
    assert health.ready() == "the Lease was not read yet"
    assert health.alive() is None


def test_who_leads_is_ready_after_its_first_decision() -> None:
    led = Operator(led_since_s=NOW_S)
    assert led.health().ready() == "no decision completed yet"
    led.last_tick_s = NOW_S
    assert led.health().ready() is None


def test_who_leads_and_decides_no_more_is_not_alive() -> None:
    stuck = Operator(led_since_s=NOW_S - 500.0, last_tick_s=NOW_S - 400.0)
    assert str(stuck.health().alive()).startswith("no decision completed for 4")


def test_who_has_just_taken_over_has_its_time_whenever_it_last_decided() -> None:
    assert Operator(led_since_s=NOW_S - 5.0, last_tick_s=NOW_S - 9000.0).health().alive() is None
    assert Operator(led_since_s=None, last_tick_s=NOW_S - 9000.0).health().alive() is None


def test_an_election_that_hangs_is_not_alive() -> None:
    hung = Operator(turned_s=NOW_S - 300.0)
    assert str(hung.health().alive()).startswith("no look at the Lease completed for 3")
