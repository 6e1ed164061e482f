"""Every source of an SLI is asked once, for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from chaos.model.objective import Condition, Op
from chaos.model.sli import Shape, Sli, Source
from chaos.model.target import Service, Target
from chaos.preflight.finding import Level
from chaos.preflight.sources import of_conditions, of_target
from tests.slis.sources import Answer, Web, instance, inventory

QUEUE = Sli(name="queue", source=Source.HTTP, shape=Shape.GAUGE, service="web", path="/stats", json="length")
HITS = Sli(
    name="hits",
    source=Source.PROMETHEUS,
    shape=Shape.COUNTER_RATIO,
    service="web",
    good="hits_total",
    total="all_total",
)
SPEED = Sli(name="speed", source=Source.PROMETHEUS, shape=Shape.HISTOGRAM, service="web", histogram="speed_seconds")
STOCK = Sli(name="stock", source=Source.SQL, shape=Shape.GAUGE, service="db", query="SELECT 1")
METRICS = (
    b"# TYPE hits_total counter\nhits_total 1\n# TYPE all_total counter\nall_total 2\n"
    b'# TYPE speed_seconds histogram\nspeed_seconds_bucket{le="1.0"} 1\nspeed_seconds_bucket{le="+Inf"} 1\n'
    b"speed_seconds_count 1\nspeed_seconds_sum 1\n"
)


@pytest.fixture
def web() -> Iterator[Callable[..., Web]]:
    with ExitStack() as stack:

        def start(**pages: Answer) -> Web:
            found = Web(**pages)
            stack.callback(found.close)
            return found

        yield start


def target(*slis: Sli) -> Target:
    return Target(name="shop", services={"web": Service(name="web")}, slis={sli.name: sli for sli in slis})


def test_sources_that_answer_are_ok(web: Callable[..., Web]) -> None:
    """One finding a source, which names the SLIs that come from it."""
    server = web(stats=lambda: (200, b'{"length": 3}'), metrics=lambda: (200, METRICS))
    found = of_target(target(QUEUE, HITS, SPEED), inventory(instance("web-1", server.address)))
    assert {f.check: f.level for f in found} == {"source queue": Level.OK, "source hits, speed": Level.OK}


def test_sources_that_do_not_answer_are_problems(web: Callable[..., Web]) -> None:
    """A page that says nothing of the metric, an answer without the number, a database that is not there."""
    server = web(stats=lambda: (200, b"{}"), metrics=lambda: (500, b""))
    here = inventory(instance("web-1", server.address), sql={"db": "postgresql://127.0.0.1:1/shop"})
    found = of_target(target(QUEUE, HITS, STOCK), here)
    assert {f.check: f.level for f in found} == {
        "source queue": Level.PROBLEM, "source hits": Level.PROBLEM, "source stock": Level.PROBLEM,
    }  # fmt: skip


def test_a_database_that_the_platform_lacks_is_a_problem() -> None:
    found = of_target(target(STOCK), inventory())
    assert [f.level for f in found] == [Level.PROBLEM]


def test_only_what_the_run_reads_is_asked(web: Callable[..., Web]) -> None:
    """The load's own SLIs have no source; a declared SLI that no condition names may be broken."""
    load = Condition(
        text="availability >= 99%", sli="availability", source=Source.LOAD, shape=Shape.AVAILABILITY, op=Op.GE,
        threshold=0.99, budget=0.01,
    )  # fmt: skip
    assert of_conditions([load], target(QUEUE), inventory()) == ()
