"""The rules by which a request is good, bad or not counted at all, on rows written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.model.counting import SLACK_US, Counted, judge_rows
from chaos.model.objective import Condition, Op
from chaos.model.requests import Failure, Requests
from chaos.model.sli import LOAD_SLIS, Shape, Source

PATIENCE_S = 10.0
STEPS = ("home", "cart", "pay")
JOURNEYS = ("browse", "buy")
OK, STATUS, REFUSED, RESET, PATIENCE, OTHER, UNFINISHED = Failure


def condition(shape: Shape, *, op: Op = Op.LT, threshold: float = 0.01, steps: tuple[str, ...] = ()) -> Condition:
    return Condition(
        text=f"{shape} {op} {threshold}", sli=str(shape), source=Source.LOAD, shape=shape,
        op=op, threshold=threshold, budget=0.01, steps=steps,
    )  # fmt: skip


def rows(*wanted: tuple[int, int, Failure], customer: int | None = None, journey: str = "buy") -> Requests:
    """Rows of (start ms, latency ms, failure); each is its own customer's `home` unless a customer is named, whose
    steps follow one another."""
    table = [
        (start * 1000, latency * 1000, 0, 0 if customer is None else i, 0, int(failure), 0,
         JOURNEYS.index(journey), i if customer is None else customer)
        for i, (start, latency, failure) in enumerate(wanted)
    ]  # fmt: skip
    return Requests.of(table, STEPS, JOURNEYS, ("",))


def count(found: Condition, requests: Requests, now_us: int | None = None) -> Counted:
    return judge_rows(found, requests, patience_s=PATIENCE_S, transactions={"buy": 3}, now_us=now_us)


@pytest.mark.parametrize("shape", [Shape.AVAILABILITY, Shape.ERROR_RATE])
def test_every_failure_is_bad_for_availability(shape: Shape) -> None:
    """Whatever went wrong, the customer did not get the page."""
    found = count(condition(shape), rows(*[(i, 5, f) for i, f in enumerate(Failure)]))
    assert found.bad.tolist() == [False, True, True, True, True, True]
    assert found.known_us.tolist() == [(i + 5) * 1000 for i in range(6)]


def test_an_error_page_is_still_throughput() -> None:
    """Throughput asks whether the shop answered at all."""
    found = count(condition(Shape.THROUGHPUT), rows(*[(i, 5, f) for i, f in enumerate(Failure)]))
    assert found.bad.tolist() == [False, False, True, True, True, True]


@pytest.mark.parametrize("shape", [Shape.AVAILABILITY, Shape.THROUGHPUT])
def test_an_unfinished_request_older_than_the_patience_is_bad(shape: Shape) -> None:
    """It turned bad when the patience ended, not when the run did."""
    found = count(condition(shape), rows((0, 9_999, UNFINISHED), (0, 12_000, UNFINISHED)))
    assert (found.bad.tolist(), found.known_us.tolist()) == ([True], [10_000_000])


def test_latency_does_not_care_about_the_status_but_about_the_time() -> None:
    """A slow failure is slow; a fast failure says nothing about speed; a slow answer is bad as soon as it is slow."""
    requests = rows(
        (0, 100, OK), (1, 3_000, OK), (2, 100, STATUS), (3, 3_000, STATUS), (4, 10_000, PATIENCE),
        (5, 100, UNFINISHED), (6, 3_000, UNFINISHED), (7, 1, REFUSED),
    )  # fmt: skip
    found = count(condition(Shape.LATENCY, threshold=2.0), requests)
    assert found.start_us.tolist() == [0, 1_000, 3_000, 4_000, 6_000]
    assert found.bad.tolist() == [False, True, True, True, True]
    assert found.known_us.tolist() == [100_000, 2_001_000, 2_003_000, 2_004_000, 2_006_000]


def test_giving_up_is_slow_by_any_threshold() -> None:
    """A threshold above the patience must not turn a lost customer into nothing."""
    found = count(condition(Shape.LATENCY, threshold=20.0), rows((0, 10_000, PATIENCE)))
    assert (found.bad.tolist(), found.known_us.tolist()) == ([True], [10_000_000])


@pytest.mark.parametrize(("op", "bad"), [(Op.LT, True), (Op.LE, False), (Op.GT, False), (Op.GE, True)])
def test_exactly_at_the_threshold(op: Op, bad: bool) -> None:
    """`p99 < 2s` is not met by 2 s; `p99 <= 2s` is; to abort at `> 5s` takes more than 5 s."""
    assert count(condition(Shape.LATENCY, op=op, threshold=2.0), rows((0, 2_000, OK))).bad.tolist() == [bad]


def test_a_scope_leaves_the_other_steps_out() -> None:
    """`checkout.availability` does not see the home page."""
    requests = rows((0, 5, STATUS), (10, 5, OK), (20, 5, STATUS), customer=1)
    found = count(condition(Shape.AVAILABILITY, steps=("cart", "pay")), requests)
    assert (found.start_us.tolist(), found.bad.tolist()) == ([10_000, 20_000], [False, True])


def test_a_transaction_is_one_entry_a_customer() -> None:
    """Complete and good is good; one bad step makes it bad, from that step's end; browsing is no transaction."""
    requests = Requests.join([
        rows((30, 5, OK), (0, 5, OK), (60, 5, OK), customer=1),
        rows((1, 5, OK), (20, 7, STATUS), customer=2),
        rows((2, 5, STATUS), customer=3, journey="browse"),
    ])  # fmt: skip
    found = count(condition(Shape.TRANSACTIONS), requests)
    assert found.start_us.tolist() == [0, 1_000]
    assert found.bad.tolist() == [False, True]
    assert found.known_us.tolist() == [65_000, 27_000]


def test_a_transaction_under_way_does_not_count_yet() -> None:
    """Neither while a request is pending nor between two steps; a step that never comes makes it bad."""
    pending = rows((0, 5, OK), (10, 100, UNFINISHED), customer=1)
    assert len(count(condition(Shape.TRANSACTIONS), pending)) == 0
    between = rows((0, 5, OK), (10, 5, OK), customer=1)
    overdue_us = 15_000 + 10_000_000 + SLACK_US
    assert len(count(condition(Shape.TRANSACTIONS), between, now_us=overdue_us - 1)) == 0
    late = count(condition(Shape.TRANSACTIONS), between, now_us=overdue_us)
    assert (late.bad.tolist(), late.known_us.tolist()) == ([True], [overdue_us])


def test_a_scoped_transaction_needs_only_its_steps() -> None:
    """`pay.transactions` is about customers who came to pay."""
    requests = Requests.join([
        rows((0, 5, OK), (10, 5, OK), (20, 5, STATUS), customer=1),
        rows((1, 5, OK), (11, 5, STATUS), customer=2),
    ])  # fmt: skip
    found = count(condition(Shape.TRANSACTIONS, steps=("pay",)), requests)
    assert (found.start_us.tolist(), found.bad.tolist()) == ([20_000], [True])


def test_a_customer_is_affected_by_any_bad_request() -> None:
    """Of any journey, complete or not; a customer of whom nothing is known yet does not count."""
    requests = Requests.join([
        rows((0, 5, OK), (10, 5, STATUS), customer=1),
        rows((1, 5, OK), customer=2, journey="browse"),
        rows((2, 5, UNFINISHED), customer=3),
        rows((3, 5, RESET), (4, 5, UNFINISHED), customer=4),
    ])  # fmt: skip
    found = count(condition(Shape.CUSTOMERS), requests)
    assert (found.start_us.tolist(), found.bad.tolist()) == ([0, 1_000, 3_000], [True, False, True])


def test_no_requests_are_no_counts() -> None:
    """An empty record is empty for every shape, and not an error."""
    for shape in (*LOAD_SLIS.values(), Shape.LATENCY):
        assert len(count(condition(shape), Requests.empty(STEPS, JOURNEYS))) == 0


def test_a_shape_that_is_not_counted_over_requests_is_refused() -> None:
    """A gauge is judged from samples."""
    with pytest.raises(ValueError, match="gauge is not counted over requests"):
        count(condition(Shape.GAUGE), rows((0, 1, OK)))


_ROW = st.tuples(st.integers(0, 60_000), st.integers(0, 12_000), st.sampled_from(list(Failure)), st.integers(0, 5))


@given(st.lists(_ROW, max_size=40), st.randoms())
def test_order_does_not_matter_and_entries_are_sorted(table: list[tuple[int, int, Failure, int]], random) -> None:  # type: ignore[no-untyped-def]
    """The same rows in any order count the same; nothing is bad before it started."""
    parts = [rows((s, lat, f), customer=c) for s, lat, f, c in table]
    shuffled = random.sample(parts, len(parts))
    for shape in (*LOAD_SLIS.values(), Shape.LATENCY):
        one = count(condition(shape, threshold=2.0), Requests.join(parts))
        two = count(condition(shape, threshold=2.0), Requests.join(shuffled))
        assert np.all(np.diff(one.start_us) >= 0)
        assert np.all(one.known_us >= one.start_us)
        as_set = [sorted(zip(c.start_us, c.bad, c.known_us, strict=True)) for c in (one, two)]
        assert as_set[0] == as_set[1]
