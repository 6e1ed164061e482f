"""The arithmetic of leases, on a clock that is a number."""

from __future__ import annotations

import pytest

from chaos.model.base import from_json, to_json
from chaos.model.lease import REMEMBERED, Known, Lease, Leases


def test_a_renewal_counts_from_now() -> None:
    """Ten seconds after the last renewal, not after the first."""
    leases = Leases()
    assert leases.renew(Lease(id="run"), 0.0) == "created"
    assert leases.renew(Lease(id="run"), 9.0) == "renewed"
    assert leases.is_held("run", 18.9)
    assert leases.expire(18.9) == ()
    assert not leases.is_held("run", 19.0)
    assert leases.expire(19.0) == ("run",)
    assert leases.expire(20.0) == ()


def test_a_lease_that_ran_out_stays_so() -> None:
    """Also when nobody had looked by then: its runner must learn of it."""
    leases = Leases()
    leases.renew(Lease(id="run"), 0.0)
    assert leases.renew(Lease(id="run"), 10.0) == "expired"
    assert leases.renew(Lease(id="run"), 11.0) == "expired"
    assert leases.left_s("run", 11.0) == 0.0


def test_one_that_is_given_back_is_forgotten() -> None:
    """It can be made anew; what is not known is said."""
    leases = Leases()
    leases.renew(Lease(id="run"), 0.0)
    assert leases.release("run")
    assert leases.left_s("run", 1.0) is None
    assert not leases.release("run")
    assert leases.renew(Lease(id="run"), 1.0) == "created"
    leases.expire(11.0)
    assert leases.release("run")


def test_a_keeper_that_is_started_anew_goes_on() -> None:
    """What was held and what ran out are plain data."""
    leases = Leases()
    leases.renew(Lease(id="over", ttl_s=1), 0.0)
    leases.renew(Lease(id="held"), 2.0)
    again = Leases(from_json(to_json(leases.known()), Known))
    assert again.renew(Lease(id="over"), 3.0) == "expired"
    assert again.left_s("held", 3.0) == 9.0


def test_only_so_many_are_remembered() -> None:
    """A keeper that serves for years does not grow."""
    leases = Leases()
    for number in range(REMEMBERED + 5):
        leases.renew(Lease(id=str(number), ttl_s=1), float(2 * number))
    assert len(leases.known().expired) <= REMEMBERED


@pytest.mark.parametrize("ttl_s", [0.0, -1.0, 3601.0, float("nan"), float("inf")])
def test_a_length_that_makes_no_sense_is_refused(ttl_s: float) -> None:
    """A lease for ever is none."""
    with pytest.raises(ValueError, match="ttl_s"):
        Leases().renew(Lease(id="run", ttl_s=ttl_s), 0.0)
