"""What is left of a real budget, as `saleproof slo status` reads it from a real Prometheus with a history, against
counting by hand."""

from __future__ import annotations

import contextlib
import io
import json
import math
import random
import time
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from chaos.cli import main
from tests.prometheus import prometheus

pytestmark = pytest.mark.integration

TARGET = """\
target: shop
services: {web: {}}
prometheus: {url: "URL", timeout: 30s}
slis:
  queue: {promql: {gauge: 'queue{host="a"}', every: 15s}}
  total: {promql: {gauge: 'sum(queue)', every: 30s}}
  hosts: {promql: {gauge: queue}}
  gone: {promql: {gauge: quue}}
  waited: {promql: {histogram: waited_seconds}}
  answered: {promql: {good: 'answers_total{code="200"}', total: answers_total}}
slos:
  - {name: queue, objective: "queue < 100", window: 2h}
  - {name: total, objective: "total <= 150", window: 90m}
  - {name: sliced, objective: "queue < 100", window: 2h, budgeting: timeslices, slice: 5m, slice-target: 80%}
  - {name: hosts, objective: "hosts < 100", window: 2h}
  - {name: gone, objective: "gone < 100", window: 2h}
  - {name: quick, objective: "waited.p99 < 500ms", window: 1h}
  - {name: quicker, objective: "waited.p99 < 500ms", window: 2h}
  - {name: answered, objective: "answered >= 99%", window: 2h}
platforms:
  embedded: {services: {web: {run: ["true"]}}}
"""
SCRAPE_S, HISTORY_S, LOOK_BACK_S = 15, 3 * 3600, 300

Points = list[tuple[int, float]]


class History:
    """Three hours: a queue that is too long now and then, is not a number for a while, and was not scraped for a
    quarter of an hour; answers, of which some fail, and a restart."""

    def __init__(self) -> None:
        dice = random.Random(5)
        end_s = int(time.time()) // SCRAPE_S * SCRAPE_S - 10  # between the readings
        times = range(end_s - HISTORY_S, end_s + 1, SCRAPE_S)
        self.a = [(at_s, self._queue(dice, end_s - at_s)) for at_s in times if not 3000 < end_s - at_s < 3900]
        self.b = [(at_s, 50.0) for at_s in times]
        self.waited = [(at_s, 10.0 * n) for n, at_s in enumerate(times)]
        self.good, self.bad = self._counter(dice, times, 90, 100), self._counter(dice, times, 0, 2)

    @staticmethod
    def _queue(dice: random.Random, ago_s: int) -> float:
        if 1200 < ago_s <= 1500:
            return math.nan
        return float(dice.choice((120, 150, 100, 90)) if ago_s % 1800 < 400 else dice.randrange(100))

    @staticmethod
    def _counter(dice: random.Random, times: range, least: int, most: int) -> Points:
        points, value = [], 5000
        for at_s in times:
            value = 0 if at_s == times[300] else value + dice.randint(least, most)
            points.append((at_s, float(value)))
        return points

    def text(self) -> str:
        def series(name: str, points: Points) -> str:
            return "".join(f"{name} {'NaN' if math.isnan(v) else v} {at_s}\n" for at_s, v in points)

        queues = series('queue{host="a"}', self.a) + series('queue{host="b"}', self.b)
        answers = series('answers_total{code="200"}', self.good) + series('answers_total{code="500"}', self.bad)
        waited = ""
        # Another version, with other buckets, until 100 minutes ago.
        for pod, end, points in (("new", "0.5", self.waited), ("old", "0.6", self.waited[:-400])):
            for name in (
                f'_bucket{{pod="{pod}",le="{end}"}}',
                f'_bucket{{pod="{pod}",le="+Inf"}}',
                f'_count{{pod="{pod}"}}',
            ):
                waited += series(f"waited_seconds{name}", points)
            waited += series(f'waited_seconds_sum{{pod="{pod}"}}', points)
        head = f"# TYPE queue gauge\n{queues}# TYPE answers counter\n{answers}"
        return f"{head}# TYPE waited_seconds histogram\n{waited}# EOF\n"

    def readings(
        self, which: Callable[[float], float | None], since_s: float, until_s: float, every_s: int
    ) -> list[Any]:
        """Of whole multiples of `every_s`, as Prometheus takes them."""
        first = math.ceil(since_s / every_s) * every_s
        found = [which(at_s) for at_s in range(first, math.floor(until_s) + 1, every_s)]
        return [v for v in found if v is not None and math.isfinite(v)]


def at(points: Points, when_s: float) -> float | None:
    """The newest sample, unless it is older than five minutes: a history has no scrape that failed, only none."""
    found = [v for at_s, v in points if when_s - LOOK_BACK_S < at_s <= when_s]
    return found[-1] if found else None


@pytest.fixture(scope="module")
def history() -> History:
    return History()


@pytest.fixture(scope="module")
def budgets(history: History, tmp_path_factory: pytest.TempPathFactory) -> tuple[float, dict[str, Any]]:
    """(when, name -> its real budget), as a person reads them."""
    folder = tmp_path_factory.mktemp("shop")
    with prometheus({"none": []}, history=history.text()) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALEPROOF_STATE", str(folder / "state"))
        (folder / "shop.yaml").write_text(TARGET.replace("URL", server.url))
        with contextlib.redirect_stdout(io.StringIO()) as out:
            code = main(["slo", "status", str(folder / "shop.yaml"), "--json"])
        said = json.loads(out.getvalue())
    assert code == 69  # two of them cannot be read
    real = {budget["slo"]: budget for budget in said["budgets"] if budget["kind"] == "real"}
    return datetime.fromisoformat(said["at"]).timestamp(), real


def spent(bad: list[bool], budget: float) -> float:
    return sum(bad) / len(bad) / budget


def test_a_gauges_budget_is_what_counting_its_readings_gives(
    budgets: tuple[float, dict[str, Any]], history: History
) -> None:
    """Of a selector, and of an expression of several; the burn is of the last hour. Neither NaN nor what was not
    scraped counts."""
    now_s, real = budgets
    for name, every_s, window_s, beyond in (
        ("queue", 15, 7200, lambda v: v >= 100),
        ("total", 30, 5400, lambda v: v > 150),
    ):
        which = history_of(name, history)
        bad = [beyond(v) for v in history.readings(which, now_s - window_s, now_s, every_s)]
        assert len(bad) < window_s / every_s  # something was not there
        assert 0 < sum(bad) < len(bad)
        assert real[name]["spent"] == pytest.approx(spent(bad, 0.05), rel=1e-9), real[name]
        hour = [beyond(v) for v in history.readings(which, now_s - 3600, now_s, every_s)]
        assert real[name]["burn"] == pytest.approx(spent(hour, 0.05), rel=1e-9)


def history_of(name: str, history: History) -> Callable[[float], float | None]:
    if name == "queue":
        return lambda when_s: at(history.a, when_s)

    def total(when_s: float) -> float | None:
        found = [v for v in (at(history.a, when_s), at(history.b, when_s)) if v is not None]
        return sum(found) if found else None

    return total


def test_a_gauges_time_slices_are_what_counting_them_gives(
    budgets: tuple[float, dict[str, Any]], history: History
) -> None:
    """Slices of five minutes, good when four fifths of their readings are."""
    now_s, real = budgets
    which = history_of("queue", history)
    bad = []
    for end_s in history.readings(float, now_s - 7200, now_s, 300):
        of_it = [v >= 100 for v in history.readings(which, end_s - 300, end_s, 15)]
        bad += [sum(of_it) / len(of_it) > 0.2 + 1e-9] if of_it else []
    assert 0 < sum(bad) < len(bad) < 25
    assert real["sliced"]["spent"] == pytest.approx(spent(bad, 0.05), rel=1e-9)


def test_a_counters_budget_is_what_it_grew_by(budgets: tuple[float, dict[str, Any]], history: History) -> None:
    """Through a restart; Prometheus guesses what happened at the window's ends, so within one per cent."""
    now_s, real = budgets
    grown = []
    for points in (history.bad, history.good):
        lately = [v for at_s, v in points if at_s >= now_s - 7200]
        grown.append(sum(b if b < a else b - a for a, b in pairwise(lately)))
    assert real["answered"]["spent"] == pytest.approx(grown[0] / sum(grown) / 0.01, rel=0.01)


def test_a_window_with_other_buckets_in_it_is_not_read(budgets: tuple[float, dict[str, Any]]) -> None:
    """The last hour had one version, the hour before another one, too: of that nobody knows what was quick enough."""
    _, real = budgets
    assert (real["quick"]["spent"], real["quick"]["left"]) == (0.0, 1.0)
    assert real["quicker"]["left"] is None
    assert "not of all of them a bucket that ends at the value of 'waited.p99 < 500ms'" in real["quicker"]["note"]


def test_what_is_no_reading_is_said(budgets: tuple[float, dict[str, Any]]) -> None:
    """Several series, and none: neither is a whole budget."""
    _, real = budgets
    assert real["hosts"]["left"] is None
    assert "`queue` is several series, and a gauge is one; name it by more labels" in real["hosts"]["note"]
    assert real["gone"]["left"] is None
    assert "nothing counts it in the window" in real["gone"]["note"]
