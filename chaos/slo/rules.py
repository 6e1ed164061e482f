"""Prometheus rules for an SLO: recorded from raw counters or a gauge, alerted on by multi-window burn rates.

| recorded | is |
|---|---|
| `slo:objective:ratio` | the share that must be good |
| `slo:reading:bad` | of a gauge: 1 while it is beyond the threshold, else 0; nothing while nobody can read it |
| `slo:bad:ratio_rate1h` | the share of the last hour that was bad; nothing at all where there was no traffic |
| `slo:bad:increase1h` | how many events, or readings, were bad in it |
| `slo:slice:bad` | by time slices: 1 while the last slice is bad, else 0 |
| `slo:budget_left:ratio` | of a rolling window, the share of its budget that is left |

Of a gauge the readings are counted, one at each evaluation of the rules. It is averaged over those that there were: a
gap is neither good nor bad.

Three things keep an alert from lying. 0/0 has no value: the division is by traffic above 0. A counter of good events
that does not exist yet counts as 0, so that a shop that fails from its first request on is not silent. And a single bad
event never alerts, however little traffic there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos.model.sli import Sli
from chaos.model.slo import Slo, SloEvent
from chaos.slo.burn import Step, steps
from chaos.slo.queries import Counters, NoCounters, Readings, bad_ratio, bad_slice, duration, measured
from chaos.slo.window import length_s

Group = dict[str, Any]

# Two bad events. `increase` extrapolates, so that one event can look like 1.3; half-way is safe from both sides.
EVENTS_LEAST = 1.5
# A group is evaluated at least so often within the shortest window that it looks at; of a gauge also within a slice.
SHORTEST_IN = 4


def group(
    slo: Slo, slis: Mapping[str, Sli], *, target: str, events: Mapping[str, SloEvent], scrape_s: float = 15.0,
    words: Mapping[str, str] | None = None,
) -> Group:  # fmt: skip
    """The rules of one SLO as Prometheus has them in its files. Raises: NoCounters."""
    found = measured(slo, slis, words or {})
    window_s, budget = length_s(slo.window, events), 1 - slo.goal
    slice_s = float(slo.slice) if slo.slice is not None else 0.0
    alerts = steps(window_s, budget=budget, scrape_s=scrape_s, least_s=slice_s)
    if not alerts:
        raise NoCounters(
            f"{slo.name}: no alert can be made for a window of {slo.window} at {slo.goal:.6g}, scraped every "
            f"{duration(scrape_s)}"
        )
    labels = {"slo": slo.name, "target": target}
    rules: list[dict[str, Any]] = [{"record": "slo:objective:ratio", "expr": f"vector({slo.goal:.12g})"}]
    if isinstance(found, Readings):
        rules.append({"record": "slo:reading:bad", "expr": found.bad})
    if slo.slice is not None and slo.slice_target is not None:
        of_slice = _of_events(found, slice_s, labels)
        rules.append({"record": "slo:slice:bad", "expr": bad_slice(of_slice, slo.slice_target)})
    for seconds in sorted({s for step in alerts for s in (step.long_s, step.short_s)}):
        rules.append({"record": f"slo:bad:ratio_rate{duration(seconds)}", "expr": _ratio(slo, found, seconds, labels)})
    for seconds in sorted({step.long_s for step in alerts}):
        rules.append({"record": f"slo:bad:increase{duration(seconds)}", "expr": _bad_events(found, seconds, labels)})
    if slo.window.rolling is not None:
        left = f"1 - {_ratio(slo, found, round(window_s), labels)} / {budget:.12g}"
        rules.append({"record": "slo:budget_left:ratio", "expr": left})
    recorded = [rule | {"labels": dict(labels)} for rule in rules]
    event = events.get(slo.window.event) if slo.window.event is not None else None
    evaluated = [60, min(step.short_s for step in alerts) / SHORTEST_IN]
    if isinstance(found, Readings):
        evaluated += [found.every_s, *([slice_s / SHORTEST_IN] if slice_s else [])]
    return {
        "name": f"saleproof-{target}-{slo.name}",
        "interval": duration(max(1, min(evaluated) // 1)),
        "rules": [*recorded, *(_alert(step, slo, labels, budget, event) for step in alerts)],
    }


def _ratio(slo: Slo, found: Counters | Readings, seconds: float, labels: dict[str, str]) -> str:
    """Of the events, or of the time slices, in the last `seconds`."""
    if slo.slice is None:
        return _of_events(found, seconds, labels)
    return f"avg_over_time(slo:slice:bad{_matching(labels)}[{duration(seconds)}])"


def _of_events(found: Counters | Readings, seconds: float, labels: dict[str, str]) -> str:
    if isinstance(found, Readings):
        return f"avg_over_time(slo:reading:bad{_matching(labels)}[{duration(seconds)}])"
    return bad_ratio(found, seconds)


def _bad_events(found: Counters | Readings, seconds: float, labels: dict[str, str]) -> str:
    if isinstance(found, Readings):
        return f"sum_over_time(slo:reading:bad{_matching(labels)}[{duration(seconds)}])"
    good, total = found.grew("increase", duration(seconds))
    return f"clamp_min({total} - {good}, 0)"


def _alert(step: Step, slo: Slo, labels: dict[str, str], budget: float, event: SloEvent | None) -> dict[str, Any]:
    only, limit = _matching(labels), f"{step.factor * budget:.12g}"
    expr = " and ".join(
        (
            f"slo:bad:ratio_rate{duration(step.long_s)}{only} > {limit}",
            f"slo:bad:ratio_rate{duration(step.short_s)}{only} > {limit}",
            f"slo:bad:increase{duration(step.long_s)}{only} > {EVENTS_LEAST}",
        )
    )
    if event is not None and event.starts is not None:
        begins = event.starts.timestamp()
        expr += f" and on() (vector(time()) >= {begins:.0f} < {begins + float(event.lasts):.0f})"
    return {
        "alert": "ErrorBudgetBurn",
        "expr": expr,
        "labels": labels | {"severity": step.severity, "long": duration(step.long_s)},
        "annotations": {
            "summary": f"{labels['target']}: {slo.name} burns its error budget at more than {step.factor:g} times the "
            f"allowed rate",
            "description": f"{slo.condition} over {slo.window}. Bad in the last {duration(step.long_s)}: "
            "{{ $value | humanizePercentage }}.",
        },
    }


def _matching(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
