"""The sampler: every source at its own pace, and every failure told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from chaos.errors import SpecError
from chaos.model.objective import Condition, Op
from chaos.model.sli import Shape, Sli, Source
from chaos.slis.sampler import Sampler
from tests.slis.sources import ENOUGH_HITS, HITS, QUERY, Heard, Web, gauge, instance, inventory, quick

pytestmark = pytest.mark.integration

Serve = Callable[..., Web]
QUEUE = Sli(name="queue", source=Source.HTTP, shape=Shape.GAUGE, service="web", path="/queue", json="n")
SLIS = {"cache-hits": HITS, "db-query": QUERY, "queue": QUEUE}


def test_only_what_the_conditions_need_is_read(web: Serve) -> None:
    """Times are the run's; spare instances are not asked; after `stop` nothing is heard."""
    server = web(queue=lambda: (200, b'{"n": 3}'))
    spare = instance("web-2", "127.0.0.1:1", state="spare")
    heard = Heard()
    sampler = Sampler(
        [gauge(QUEUE), gauge(QUEUE)], SLIS, inventory(instance("web-1", server.address), spare),
        t0_s=time.monotonic() - 100, on_sample=heard.samples.append, on_error=heard.on_error,
    )  # fmt: skip
    assert len(sampler.readers) == 1
    sampler.start()
    heard.wait(lambda: len(heard.samples) >= 3)
    sampler.stop()
    count = len(heard.samples)
    assert heard.errors == []
    assert {(s.sli, s.value, s.service) for s in heard.samples} == {("queue", 3.0, "web-1")}
    assert 100 <= heard.samples[0].at_s < 120
    gaps = [b.at_s - a.at_s for a, b in zip(heard.samples, heard.samples[1:], strict=False)]
    assert min(gaps) > 0.1
    time.sleep(0.7)
    assert len(heard.samples) == count


def test_the_loads_own_slis_need_no_source() -> None:
    """Nothing is started for them."""
    availability = Condition(
        text="availability >= 99%", sli="availability", source=Source.LOAD, shape=Shape.AVAILABILITY, op=Op.GE,
        threshold=0.99, budget=0.01,
    )  # fmt: skip
    heard = Heard()
    sampler = Sampler(
        [availability], {}, inventory(), t0_s=0.0, on_sample=heard.samples.append, on_error=heard.on_error
    )
    before = threading.active_count()
    sampler.start()
    assert threading.active_count() == before
    sampler.stop()


def test_a_broken_source_is_told_and_does_not_stop_the_others(web: Serve) -> None:
    """By the SLI's name, again and again but not all the time; a source that comes back is read again."""
    broken = [True]
    server = web(
        queue=lambda: (500, b"") if broken[0] else (200, b'{"n": 3}'),
        metrics=lambda: (200, b"# TYPE cache_requests counter\n# TYPE db_query_seconds histogram\n"),
    )
    heard = Heard()
    sampler = Sampler(
        [gauge(QUEUE), ENOUGH_HITS, quick("50ms", 0.05)], SLIS, inventory(instance("web-1", server.address)),
        t0_s=time.monotonic(), on_sample=heard.samples.append, on_error=heard.on_error,
    )  # fmt: skip
    sampler.start()
    heard.wait(lambda: len(heard.errors) >= 2 and any(s.sli == "cache-hits" for s in heard.samples))
    elapsed_s = time.monotonic() - sampler._t0_s
    assert {sli for sli, _ in heard.errors} == {"queue"}
    assert "status 500" in heard.errors[0][1]
    assert len(heard.errors) <= elapsed_s + 1.5
    broken[0] = False
    heard.wait(lambda: any(s.sli == "queue" for s in heard.samples))
    sampler.stop()


def test_a_source_that_hangs_is_told(web: Serve) -> None:
    """Also when its reader never comes back; and stopping does not wait for it."""
    release = threading.Event()
    server = web(queue=lambda: (200, b'{"n": 3}'))
    heard = Heard()
    sampler = Sampler(
        [gauge(QUEUE)], SLIS, inventory(instance("web-1", server.address)), t0_s=time.monotonic(),
        on_sample=heard.samples.append, on_error=heard.on_error, hangs_after_s=0.5,
    )  # fmt: skip
    reader = sampler.readers[0]
    original = reader.read

    def hang(at_s: float) -> object:
        release.wait(30)
        return original(at_s)

    reader.read = hang  # type: ignore[method-assign, assignment]
    try:
        sampler.start()
        heard.wait(lambda: bool(heard.errors))
        assert heard.errors[0][0] == "queue"
        assert "no answer for" in heard.errors[0][1]
        started_s = time.monotonic()
        sampler.stop()
        assert time.monotonic() - started_s < 10
    finally:
        release.set()


def test_a_reader_that_breaks_is_a_broken_probe(web: Serve) -> None:
    """Whatever it raises: our own mistake must not look like a shop that is fine."""
    heard = Heard()
    sampler = Sampler(
        [gauge(QUEUE)], SLIS, inventory(instance("web-1", "127.0.0.1:1")), t0_s=time.monotonic(),
        on_sample=heard.samples.append, on_error=heard.on_error,
    )  # fmt: skip

    def broken(_: float) -> object:
        raise ZeroDivisionError

    sampler.readers[0].read = broken  # type: ignore[method-assign, assignment]
    sampler.start()
    heard.wait(lambda: bool(heard.errors))
    sampler.stop()
    assert heard.errors[0] == ("queue", "ZeroDivisionError")


def test_what_cannot_be_read_is_refused_before_the_run() -> None:
    """An SLI that is not there, a database that the platform does not have, a metric that is none."""

    def make(condition: Condition, *slis: Sli) -> None:
        Sampler(
            [condition],
            {s.name: s for s in slis},
            inventory(sql={"db": "x"}),
            t0_s=0.0,
            on_sample=print,
            on_error=print,
        )

    with pytest.raises(SpecError, match=r"unknown SLI 'queue'. Did you mean 'queues'"):
        make(gauge(QUEUE), Sli(name="queues", source=Source.HTTP, shape=Shape.GAUGE, service="web"))
    stock = Sli(name="stock", source=Source.SQL, shape=Shape.GAUGE, service="dbs", query="SELECT 1")
    with pytest.raises(SpecError, match=r"no database 'dbs'. Did you mean 'db'"):
        make(gauge(stock), stock)
    wrong = Sli(
        name="cache-hits", source=Source.PROMETHEUS, shape=Shape.COUNTER_RATIO, service="web", good="rate(x)", total="y"
    )
    with pytest.raises(SpecError, match="not a metric"):
        make(ENOUGH_HITS, wrong)
