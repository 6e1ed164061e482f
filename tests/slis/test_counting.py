"""Users over a window, as a Prometheus server counts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chaos.errors import Unavailable
from chaos.model.objective import Condition, Op
from chaos.model.sli import Shape, Sli, Source
from chaos.model.slo import Slo, SloWindow
from chaos.slis.counting import PrometheusCounting
from chaos.slis.prometheus_api import PrometheusApi
from chaos.units import Duration
from tests.slis.fakeprometheus import fake, vector

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SLI = Sli(
    name="seen", source=Source.PROMQL, shape=Shape.COUNTER_RATIO, good='http{code="200",env="{env}"}', total="http"
)
SLO = Slo(
    name="seen", condition="seen >= 99%", window=SloWindow(rolling=Duration(3600)),
    objective=Condition(
        text="seen >= 99%", sli="seen", source=Source.PROMQL, shape=Shape.COUNTER_RATIO, op=Op.GE, threshold=0.99,
        budget=0.01,
    ),
)  # fmt: skip


def counted(bad: bytes, total: bytes, clock_s: float = 0.0) -> tuple[float, float] | None:
    with fake(lambda query: bad if "clamp_min" in query else total) as server:
        server.clock_s = clock_s
        counting = PrometheusCounting(PrometheusApi(server.access()), {"seen": SLI}, {"env": "shop"})
        try:
            return counting.counted(SLO, NOW - timedelta(hours=1), NOW)
        finally:
            counting.close()
            parameters = server.asked[1][1]  # the first one was for its clock
            assert 'increase(http{code="200",env="shop"}[1h])' in parameters["query"]
            assert float(parameters["time"]) == pytest.approx(NOW.timestamp() + clock_s, abs=0.5 if clock_s else 1e-3)


def test_bad_and_total_are_growth_over_the_window() -> None:
    """Of raw counters, at the window's end; what `increase` extrapolates never makes more bad than there were."""
    assert counted(vector("12.5"), vector("1000")) == (12.5, 1000)
    assert counted(vector("1000.4"), vector("1000")) == (1000, 1000)


@pytest.mark.parametrize("clock_s", [300.0, -300.0])
def test_a_server_whose_clock_is_not_ours_is_asked_by_its_own(clock_s: float) -> None:
    """Its samples have its times: five minutes ahead, and by ours the newest five would be missing."""
    assert counted(vector("1"), vector("10"), clock_s) == (1, 10)


def test_no_counters_are_no_count() -> None:
    """Nothing found is not nothing bad."""
    assert counted(vector(), vector()) is None
    assert counted(vector("0"), vector("0")) == (0, 0)


@pytest.mark.parametrize(
    ("bad", "total", "words"),
    [
        (vector("NaN"), vector("10"), "is nan, and no count"),
        (vector("1"), vector("+Inf"), "is inf, and no count"),
        (vector(), vector("10"), "10 events, and not of all of them a bucket that ends at the value of 'seen >= 99%'"),
        (vector("1", "2"), vector("10"), "2 series instead of one"),
        (vector("1", warnings=["a store did not answer"]), vector("10"), "a store did not answer"),
    ],
)  # fmt: skip
def test_what_is_no_count_is_said(bad: bytes, total: bytes, words: str) -> None:
    """A budget is never worked out from it."""
    with pytest.raises(Unavailable, match=words):
        counted(bad, total)
