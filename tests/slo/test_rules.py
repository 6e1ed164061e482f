"""The rules, tried by Prometheus' own engine: what it records is what counting by hand gives, and it alerts when it
should."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chaos.model.objective import Condition, Op
from chaos.model.sli import Shape, Sli, Source
from chaos.model.slo import Slo, SloEvent, SloWindow
from chaos.slo.budget import burn_rate
from chaos.slo.queries import NoCounters, duration
from chaos.slo.rules import group
from chaos.units import Duration, Ratio
from tests.slo.promtool import check, expect

NAN = float("nan")
SLI = Sli(
    name="served", source=Source.PROMETHEUS, shape=Shape.COUNTER_RATIO, service="web", good='http_total{ok="yes"}',
    total="http_total",
)  # fmt: skip
SLO = Slo(
    name="served", condition="served >= 99.9%", window=SloWindow(rolling=Duration(30 * 86400)),
    objective=Condition(
        text="served >= 99.9%", sli="served", source=Source.PROMETHEUS, shape=Shape.COUNTER_RATIO, op=Op.GE,
        threshold=0.999, budget=0.001,
    ),
)  # fmt: skip
FIRING = 'count(ALERTS{alertstate="firing"})'


def rules(slo: Slo = SLO, sli: Sli | None = SLI, **more: Any) -> dict[str, Any]:
    return {
        "groups": [group(slo, {sli.name: sli} if sli else {}, target="shop", events=more.pop("events", {}), **more)]
    }


def histogram(threshold_s: float) -> tuple[Slo, Sli]:
    sli = Sli(
        name="answer",
        source=Source.PROMETHEUS,
        shape=Shape.HISTOGRAM,
        service="web",
        histogram='http_seconds{job="web"}',
    )
    condition = Condition(
        text="answer.p99 < 1s", sli="answer.p99", source=Source.PROMETHEUS, shape=Shape.HISTOGRAM, op=Op.LT,
        threshold=threshold_s, budget=0.01, percentile=99.0,
    )  # fmt: skip
    return replace(SLO, name="answer", condition=condition.text, objective=condition), sli


def gauge(query: str = "queue", op: Op = Op.LT, threshold: float = 100.0, **more: Any) -> tuple[Slo, Sli]:
    """Of the readings 95 % must be below 100."""
    sli = Sli(name="queue", source=Source.PROMQL, shape=Shape.GAUGE, gauge=query, **more)
    condition = Condition(
        text=f"queue {op.value} {threshold:g}", sli="queue", source=Source.PROMQL, shape=Shape.GAUGE, op=op,
        threshold=threshold, budget=0.05,
    )  # fmt: skip
    return replace(SLO, name="queue", condition=condition.text, objective=condition), sli


SLICED = replace(gauge()[0], budgeting="timeslices", slice=Duration(300), slice_target=Ratio(0.75))


def test_prometheus_takes_them(tmp_path: Path) -> None:
    """Rolling, calendar, an event with a date, time slices, a histogram, gauges: one file."""
    sale = SloEvent(name="sale", starts=datetime(2026, 12, 1, 9, tzinfo=UTC))
    every = [
        SLO, replace(SLO, name="b", window=SloWindow(calendar="month", time_zone="Europe/Berlin")),
        replace(SLO, name="c", window=SloWindow(event="sale")),
        replace(SLO, name="d", budgeting="timeslices", slice=Duration(60), slice_target=Ratio(0.95)),
    ]  # fmt: skip
    groups = [group(slo, {"served": SLI}, target="shop", events={"sale": sale}) for slo in every]
    queue = [gauge("max(queue) # of them all\n"), (SLICED, gauge()[1]), gauge(op=Op.GE, threshold=-0.5)]
    groups += [rules(replace(slo, name=f"queue-{n}"), sli)["groups"][0] for n, (slo, sli) in enumerate(queue)]
    check({"groups": [*groups, *rules(*histogram(1.0))["groups"]]}, tmp_path)


def test_a_burn_rate_is_what_counting_by_hand_gives(tmp_path: Path) -> None:
    """Random traffic, two instances, a restart of each that sets its counters back to zero: exactly the budget
    module's own figure at every minute."""
    dice = random.Random(7)
    series: dict[str, str] = {}
    grown = {"yes": [0] * 60, "no": [0] * 60}
    for instance in ("a", "b"):
        restarts = dice.randrange(5, 55)
        for ok in ("yes", "no"):
            value, values = 0, []
            for minute in range(60):
                step = dice.randrange(90, 110) if ok == "yes" else dice.randrange(0, 4)
                value = step if minute == restarts else value + step
                grown[ok][minute] += step if minute else 0
                values.append(value)
            series[f'http_total{{ok="{ok}",instance="{instance}"}}'] = " ".join(map(str, values))
    expected = {}
    for minute in range(6, 60, 4):
        last = range(minute - 4, minute + 1)
        bad, good = (sum(grown[ok][m] for m in last) for ok in ("no", "yes"))
        rate = burn_rate(bad, bad + good, 0.001)
        assert rate is not None
        expected["slo:bad:ratio_rate5m / (1 - slo:objective:ratio)", f"{minute}m"] = rate
    document = rules()
    expect(document, tmp_path, series, expected | {("slo:objective:ratio", "9m"): 0.999})


@pytest.mark.parametrize(
    ("what", "series", "expected"),
    [
        ("two in a hundred fail: it pages within the hour, and ends soon after", {'http_total{ok="yes"}': "0+98x90 8820+100x60", 'http_total{ok="no"}': "0+2x90 180+0x60"}, {(FIRING, "85m"): 4, (FIRING, "110m"): 3}),
        ("one in ten thousand fails: within the objective", {'http_total{ok="yes"}': "0+9999x90", 'http_total{ok="no"}': "0+1x90"}, {(FIRING, "85m"): NAN}),
        ("nobody comes: 0/0 has no value, and nothing alerts", {'http_total{ok="yes"}': "100+0x90", 'http_total{ok="no"}': "100+0x90"}, {("slo:bad:ratio_rate5m", "85m"): NAN, ("slo:bad:ratio_rate1h", "85m"): NAN, (FIRING, "85m"): NAN}),
        ("there are no metrics at all", {}, {("slo:bad:ratio_rate5m", "85m"): NAN, (FIRING, "85m"): NAN}),
        ("a counter that is not a number", {'http_total{ok="yes"}': " ".join(["NaN"] * 90), 'http_total{ok="no"}': "0+5x90"}, {(FIRING, "85m"): NAN}),
        ("all fail from the first request on: there is no good counter yet", {'http_total{ok="no"}': "0+10x90"}, {("slo:bad:ratio_rate5m", "85m"): 1.0, (FIRING, "85m"): 4}),
        ("one bad event of the three in an hour is no alert", {'http_total{ok="yes"}': "0+0x30 1+0x10 2+0x60", 'http_total{ok="no"}': "0+0x80 1+0x20"}, {(FIRING, "82m"): NAN}),
        ("but an outage is, also with little traffic", {'http_total{ok="no"}': "0 0 1 1 2 2 3 3 4 4 5 5 6"}, {(FIRING, "12m"): 4}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_it_alerts_when_it_should(
    what: str, series: dict[str, str], expected: dict[Any, float], tmp_path: Path
) -> None:
    """And is silent when it should be."""
    expect(rules(), tmp_path, series, expected)


def test_a_sales_alert_is_silent_before_and_after_it(tmp_path: Path) -> None:
    """99.99 % is promised for the sale, and for no other day. Times of the tests begin in 1970."""
    sale = SloEvent(name="sale", starts=datetime.fromtimestamp(3600, UTC), lasts=Duration(7200))
    document = rules(replace(SLO, window=SloWindow(event="sale")), events={"sale": sale}, scrape_s=1.0)
    series = {'http_total{ok="yes"}': "0+98x250", 'http_total{ok="no"}': "0+2x250"}
    expect(document, tmp_path, series, {(FIRING, "55m"): NAN, (FIRING, "65m"): 1, (FIRING, "185m"): NAN})


def test_by_time_slices_a_burn_is_a_share_of_bad_slices(tmp_path: Path) -> None:
    """One per cent of bad events is a good slice at 95 %, ten per cent a bad one."""
    slo = replace(SLO, budgeting="timeslices", slice=Duration(60), slice_target=Ratio(0.95))
    series = {'http_total{ok="yes"}': "0+99x60 6030+90x60", 'http_total{ok="no"}': "0+1x60 70+10x60"}
    expect(rules(slo), tmp_path, series, {("slo:bad:ratio_rate5m", "55m"): 0.0, ("slo:bad:ratio_rate5m", "75m"): 1.0})


@pytest.mark.parametrize("end", ["1", "1.0"])
def test_a_bucket_is_found_as_either_client_writes_it(end: str, tmp_path: Path) -> None:
    """Go's client writes `1`, Python's `1.0`; a histogram without such a bucket says nothing, rather than that all were
    slow."""
    series = {
        f'http_seconds_bucket{{job="web",le="{end}"}}': "0+95x60", 'http_seconds_bucket{job="web",le="+Inf"}': "0+100x60",
        'http_seconds_count{job="web"}': "0+100x60", 'http_seconds_count{job="other"}': "0+500x60",
    }  # fmt: skip
    expect(rules(*histogram(1.0)), tmp_path, series, {("slo:bad:ratio_rate5m", "30m"): 0.05})
    expect(rules(*histogram(0.3)), tmp_path, series, {("slo:bad:ratio_rate5m", "30m"): NAN, (FIRING, "30m"): NAN})


def test_an_instance_with_other_buckets_makes_nobody_know(tmp_path: Path) -> None:
    """All that it answered would count as slow, or what it answered slowly would be missing: nothing is recorded until
    all have the bucket again."""
    series = {
        'http_seconds_bucket{job="web",pod="a",le="1"}': "0+100x90", 'http_seconds_bucket{job="web",pod="a",le="+Inf"}': "0+100x90",
        'http_seconds_count{job="web",pod="a"}': "0+100x90",
        'http_seconds_bucket{job="web",pod="b",le="0.5"}': f"{'_ ' * 20}0+100x20 {'stale ' * 1}",
        'http_seconds_bucket{job="web",pod="b",le="+Inf"}': f"{'_ ' * 20}0+100x20 stale",
        'http_seconds_count{job="web",pod="b"}': f"{'_ ' * 20}0+100x20 stale",
    }  # fmt: skip
    expected = {("slo:bad:ratio_rate5m", "19m"): 0.0, ("slo:bad:ratio_rate5m", "60m"): 0.0}
    unknown = {("slo:bad:ratio_rate5m", f"{at}m"): NAN for at in (20, 30, 40, 45)}
    expect(rules(*histogram(1.0)), tmp_path, series, {**expected, **unknown})


def readings(values: str) -> list[float | None]:
    """What Prometheus sees at each minute of promtool's notation: `_` is a scrape that was missed, after which the last
    value counts for five minutes; `stale` one that failed, after which nothing does."""
    seen: list[float | None] = []
    last, at = None, 0
    for minute, word in enumerate(values.split()):
        if word != "_":
            last, at = None if word == "stale" else float(word), minute
        seen.append(last if last is not None and minute - at < 5 and abs(last) < float("inf") else None)
    return seen


TROUBLED = (
    f"{'10 ' * 20}150 99.9 100 NaN NaN 150 +Inf -Inf {'10 ' * 4}stale {'_ ' * 6}120 {'_ ' * 4}130 5 5 {'200 ' * 6}"
    f"{'7 ' * 16}"
)


@pytest.mark.parametrize(
    ("op", "is_bad"),
    [(Op.LT, lambda v: v >= 100), (Op.LE, lambda v: v > 100), (Op.GT, lambda v: v <= 100), (Op.GE, lambda v: v < 100)],
)
def test_a_gauges_readings_are_counted_as_by_hand(op: Op, is_bad: Any, tmp_path: Path) -> None:
    """One at each evaluation: NaN, infinities and gaps are no readings, the threshold itself is as good as the sentence
    says."""
    slo, sli = gauge(op=op)
    seen = readings(TROUBLED)
    expected = {}
    for minute in range(len(seen)):
        value, at = seen[minute], f"{minute}m"
        expected["slo:reading:bad", at] = NAN if value is None else float(is_bad(value))
        last = [is_bad(v) for v in seen[max(0, minute - 5) : minute + 1] if v is not None]
        expected["slo:bad:ratio_rate5m", at] = sum(last) / len(last) if last else NAN
        hour = [is_bad(v) for v in seen[max(0, minute - 60) : minute + 1] if v is not None]
        expected["slo:bad:increase1h", at] = sum(hour)
    every = [is_bad(v) for v in seen if v is not None]
    expected["slo:budget_left:ratio", f"{len(seen) - 1}m"] = 1 - sum(every) / len(every) / 0.05
    expect(rules(slo, sli), tmp_path, {'queue{instance="a"}': TROUBLED}, expected)


def test_a_gauges_time_slices_are_counted_as_by_hand(tmp_path: Path) -> None:
    """A slice is bad when less than 75 % of its readings were good; exactly 75 % is good."""
    seen = readings(TROUBLED)
    bad = [None if v is None else v >= 100 for v in seen]
    slices: list[bool | None] = []
    for minute in range(len(bad)):
        last = [b for b in bad[max(0, minute - 5) : minute + 1] if b is not None]
        slices.append(sum(last) / len(last) > 0.25 + 1e-9 if last else None)
    assert {1, 0, None} == set(slices)
    expected = {("slo:slice:bad", f"{n}m"): NAN if s is None else float(s) for n, s in enumerate(slices)}
    for minute in range(len(slices)):
        hour = [s for s in slices[max(0, minute - 60) : minute + 1] if s is not None]
        expected["slo:bad:ratio_rate1h", f"{minute}m"] = sum(hour) / len(hour)
    expect(rules(SLICED, gauge()[1]), tmp_path, {"queue": TROUBLED}, expected)


@pytest.mark.parametrize(
    ("what", "series", "expected"),
    [
        ("it stays beyond: it pages within the hour", {"queue": " ".join(["10"] * 60 + ["500"] * 60)}, {(FIRING, "59m"): NAN, (FIRING, "119m"): 4}),
        ("one reading in thirty is within what is allowed", {"queue": " ".join((["500"] + ["10"] * 29) * 4)}, {(FIRING, "119m"): NAN}),
        ("it is not a number: nobody knows, and nothing alerts", {"queue": " ".join(["NaN"] * 90)}, {("slo:reading:bad", "85m"): NAN, ("slo:bad:ratio_rate1h", "85m"): NAN, (FIRING, "85m"): NAN}),
        ("there is none", {}, {("slo:reading:bad", "85m"): NAN, (FIRING, "85m"): NAN}),
        ("two series are no reading", {'queue{n="1"}': "500+0x90", 'queue{n="2"}': "500+0x90"}, {("slo:reading:bad", "85m"): NAN, (FIRING, "85m"): NAN}),
        ("a new instance takes over: one series goes on", {'queue{pod="1"}': " ".join(["500"] * 45 + ["stale"]), 'queue{pod="2"}': " ".join(["_"] * 45 + ["500"] * 46)}, {("slo:bad:increase1h", "85m"): 61, (FIRING, "85m"): 4}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_gauge_alerts_when_it_should(
    what: str, series: dict[str, str], expected: dict[Any, float], tmp_path: Path
) -> None:
    """And is silent when it should be."""
    expect(rules(*gauge()), tmp_path, series, expected)


def test_a_gauge_is_evaluated_often_enough() -> None:
    """As often as it says, and several times within a slice; a counter's rules need not be."""
    assert rules()["groups"][0]["interval"] == "1m"
    assert rules(*gauge())["groups"][0]["interval"] == "15s"
    assert rules(*gauge(every=Duration(30)))["groups"][0]["interval"] == "30s"
    assert rules(replace(SLICED, slice=Duration(40)), gauge()[1])["groups"][0]["interval"] == "10s"


def test_what_has_no_rules_says_why() -> None:
    """Our own customers' SLIs, readings, windows that are too short."""
    stock = Sli(name="stock", source=Source.SQL, shape=Shape.GAUGE, service="db", query="SELECT 1")
    with pytest.raises(NoCounters, match="measured on our own customers"):
        rules(SLO, None)
    with pytest.raises(NoCounters, match="is a reading from sql, and no Prometheus has it"):
        rules(SLO, replace(stock, name="served"))
    with pytest.raises(NoCounters, match="no alert can be made for a window of 1m"):
        rules(replace(SLO, window=SloWindow(rolling=Duration(60))))


def test_durations_are_prometheus_own() -> None:
    """The largest units first, none of them zero."""
    assert [duration(s) for s in (30, 300, 8640, 2_592_000, 90_061)] == ["30s", "5m", "2h24m", "30d", "1d1h1m1s"]
