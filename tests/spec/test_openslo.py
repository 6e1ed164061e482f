"""OpenSLO v1, out and in."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from chaos.errors import SpecError
from chaos.model.objective import Op
from chaos.model.sli import Shape
from chaos.model.target import Target
from chaos.spec import load_target
from chaos.spec.openslo.read import load
from chaos.spec.openslo.section import section
from chaos.spec.openslo.write import documents

ROOT = Path(__file__).parents[2]
SHOP = (Path(__file__).parent / "files" / "targets" / "shop.yaml").read_text()
HEAD, REST = SHOP.partition("slis:\n")[0], SHOP.partition("\ninvariants:")[2]
SLIS = SHOP.partition("slis:\n")[2].partition("slos:\n")[0]

# The specification's own words on what a document of v1 must be, as far as we write it (github.com/OpenSLO/OpenSLO).
_NAME = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
_DURATION = {"type": "string", "pattern": "^[1-9][0-9]*[mhdwMQY]$"}
_METRIC = {
    "type": "object", "required": ["metricSource"], "additionalProperties": False,
    "properties": {"metricSource": {"type": "object", "required": ["type", "spec"]}},
}  # fmt: skip
_SLI = {
    "type": "object", "additionalProperties": False, "minProperties": 1, "maxProperties": 1,
    "properties": {
        "thresholdMetric": _METRIC,
        "ratioMetric": {
            "type": "object", "required": ["counter", "total"], "additionalProperties": False, "minProperties": 3,
            "maxProperties": 3,
            "properties": {"counter": {"type": "boolean"}, "good": _METRIC, "bad": _METRIC, "total": _METRIC},
        },
    },
}  # fmt: skip
_META = {
    "type": "object", "required": ["name"], "additionalProperties": False,
    "properties": {"name": _NAME, "annotations": {"type": "object", "additionalProperties": {"type": "string"}}},
}  # fmt: skip
_OBJECTIVE = {
    "type": "object", "required": ["target"], "additionalProperties": False,
    "properties": {
        "displayName": {"type": "string"}, "op": {"enum": ["lt", "lte", "gt", "gte"]}, "value": {"type": "number"},
        "target": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "timeSliceTarget": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "timeSliceWindow": {"anyOf": [_DURATION, {"type": "number", "exclusiveMinimum": 0}]},
    },
    "dependentRequired": {"op": ["value"], "value": ["op"], "timeSliceTarget": ["timeSliceWindow"]},
}  # fmt: skip
_SLO = {
    "type": "object", "required": ["service", "timeWindow", "budgetingMethod", "objectives"],
    "oneOf": [{"required": ["indicator"]}, {"required": ["indicatorRef"]}], "additionalProperties": False,
    "properties": {
        "description": {"type": "string", "maxLength": 1050}, "service": _NAME, "indicatorRef": _NAME,
        "indicator": {"type": "object", "required": ["metadata", "spec"], "properties": {"metadata": _META, "spec": _SLI}},
        "budgetingMethod": {"enum": ["Occurrences", "Timeslices"]},
        "objectives": {"type": "array", "minItems": 1, "items": _OBJECTIVE},
        "timeWindow": {
            "type": "array", "minItems": 1, "maxItems": 1,
            "items": {
                "type": "object", "required": ["duration", "isRolling"], "additionalProperties": False,
                "properties": {
                    "duration": _DURATION, "isRolling": {"type": "boolean"},
                    "calendar": {"type": "object", "required": ["startTime", "timeZone"], "additionalProperties": False,
                                 "properties": {"startTime": {}, "timeZone": {"type": "string"}}},
                },
            },
        },
    },
}  # fmt: skip
SPECS = {"Service": {"type": "object"}, "SLI": _SLI, "SLO": _SLO}


def target(folder: Path, text: str) -> Target:
    path = folder / "shop.yaml"
    path.write_text(text)
    return load_target(path)


def exported(found: Target, folder: Path) -> Path:
    path = folder / "openslo.yaml"
    path.write_text(yaml.safe_dump_all(documents(found)[0], sort_keys=False))
    return path


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,12}", fullmatch=True)
TARGETS = st.integers(1, 99_999).map(lambda n: f"{n / 1000:g}%")
SENTENCES = st.one_of(
    TARGETS.map(lambda t: f"availability >= {t}"), TARGETS.map(lambda t: f"pages.throughput > {t}"),
    TARGETS.map(lambda t: f"checkout.error-rate <= {t}"), TARGETS.map(lambda t: f"customers-affected < {t}"),
    st.tuples(st.sampled_from(["p50", "pages.p99", "home.p99.9"]), st.integers(1, 10**7)).map(lambda x: f"{x[0]} < {x[1]}us"),
    st.tuples(st.sampled_from(["p95", "p99.5"]), st.sampled_from(["<", "<="])).map(lambda x: f"db-query.{x[0]} {x[1]} 50ms"),
    TARGETS.map(lambda t: f"cache-hits >= {t}"), st.integers(-5, 5).map(lambda n: f"stock-left > {n}"),
    st.tuples(st.integers(-5, 5), TARGETS).map(lambda x: f"stock-left > {x[0]} of {x[1]}"),
)  # fmt: skip
WINDOWS = st.one_of(
    st.integers(1, 100_000).map(lambda n: f"{n}m"), st.just("sale"), st.just("other"),
    st.tuples(st.sampled_from(["day", "week", "month", "quarter", "year"]), st.sampled_from(["UTC", "Europe/Berlin"])).map(
        lambda x: {"calendar": x[0], "time-zone": x[1]}
    ),
)  # fmt: skip
SLICES = st.one_of(
    st.just({}),
    st.tuples(st.integers(1, 300), TARGETS).map(
        lambda x: {"budgeting": "timeslices", "slice": f"{x[0]}s", "slice-target": x[1]}
    ),
)
SLOS = st.lists(
    st.tuples(NAMES, SENTENCES, WINDOWS, SLICES), min_size=1, max_size=6,
    unique_by=lambda slo: slo[0].lower().replace("_", "-").strip("-"),
)  # fmt: skip
STARTS = st.one_of(
    st.none(),
    st.datetimes(
        datetime(2020, 1, 1),
        datetime(2040, 1, 1),
        timezones=st.sampled_from([timezone(timedelta(hours=h)) for h in (-5, 0, 1)]),
    ),
)


@given(SLOS, STARTS)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_what_goes_out_comes_in_again(tmp_path: Path, slos: list[Any], starts: datetime | None) -> None:
    """The same SLIs, and SLOs that mean the same over the same windows; and all of it is OpenSLO."""
    rows = [{"name": n, "objective": s, "window": w} | more for n, s, w, more in slos]
    for row in rows:
        row["objective"], of, share = row["objective"].partition(" of ")
        row |= {"target": share} if of else {}
    rows = [
        row
        for row in rows
        if not (row.get("slice") and isinstance(row["window"], str) and row["window"] in ("1m", "2m", "3m", "4m"))
    ]
    sale = {"lasts": "24h", "traffic": "flash-sale"} | (
        {"starts": starts.replace(microsecond=0).isoformat()} if starts else {}
    )
    more = yaml.safe_dump({"slos": rows, "events": {"sale": sale, "other": {"lasts": "90m"}}})
    before = target(tmp_path, f"{HEAD}slis:\n{SLIS}{more}invariants:{REST}")
    out, said = documents(before)
    assert said == ()
    for document in out:
        assert list(Draft202012Validator(SPECS[document["kind"]]).iter_errors(document["spec"])) == []
        assert list(Draft202012Validator(_META).iter_errors(document["metadata"])) == []
    found = load([exported(before, tmp_path)])
    assert found.notes == []
    after = target(tmp_path, f"{HEAD}{section(found)}invariants:{REST}")
    assert after.slis == before.slis
    assert [meaning(slo) for slo in after.slos] == [meaning(slo) for slo in before.slos]
    used = {slo.window.event for slo in before.slos}
    assert {n: e for n, e in after.events.items() if n in used} == {
        n: replace(e, starts=e.starts) for n, e in before.events.items() if n in used
    }


def meaning(slo: Any) -> Any:
    """All but how its sentence is spelt, and the last digits of floating point. Of a ratio OpenSLO has only `at least`,
    which its budget says too."""
    condition = replace(
        slo.objective, text="", threshold=round(slo.objective.threshold, 12), budget=round(slo.objective.budget, 10)
    )
    if condition.shape not in (Shape.LATENCY, Shape.HISTOGRAM, Shape.GAUGE):
        condition = replace(condition, op=Op.GE)
    share = None if slo.slice_target is None else round(slo.slice_target, 10)
    return replace(slo, condition="", objective=condition, slice_target=share, target=None)  # its budget says that


def test_the_reference_shop_is_valid_for_openslo_itself(tmp_path: Path) -> None:
    """By the project's own `oslo validate`, where it is at hand."""
    oslo = shutil.which("oslo", path=f"{ROOT / '.bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if oslo is None:
        pytest.skip("oslo is not here: go install github.com/OpenSLO/oslo/cmd/oslo")
    path = exported(load_target(ROOT / "targets" / "shop.yaml"), tmp_path)
    done = subprocess.run([oslo, "validate", "-f", str(path)], capture_output=True, text=True, check=False)
    assert "Valid!" in done.stdout, done.stdout + done.stderr


def test_what_openslo_has_no_words_for_is_said(tmp_path: Path) -> None:
    """Agreements, seconds, and two names that would be one."""
    text = SHOP.replace("window: 30d}", "window: 90s}").replace(
        "slos:\n",
        "slos:\n  - {name: A_b, objective: availability >= 99%, window: 1d}\n  - {name: a-b, objective: availability >= 98%, window: 1d}\n",
    )
    text = text.replace("invariants:", "slas: {gold: {slos: [a-b], penalties: [{credit: 10%}]}}\ninvariants:")
    assert documents(target(tmp_path, text))[1] == (
        "SLO availability-90s: OpenSLO has no windows of 90 s: whole minutes are the least",
        "SLA gold: OpenSLO has no agreements",
        "SLO a-b: OpenSLO's name for it, 'a-b', is that of A_b too",
    )


FOREIGN = """\
apiVersion: openslo/v1
kind: DataSource
metadata: {name: prom}
spec: {type: prometheus, connectionDetails: {url: http://prom}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: web.up, displayName: Web is up, labels: {team: web}}
spec:
  description: people get answers
  service: web
  indicator:
    metadata: {name: availability}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {metricSourceRef: prom, spec: {query: 'sum(http_total{code!~"5.."})'}}}
        total: {metricSource: {metricSourceRef: prom, spec: {query: http_total}}}
  timeWindow: [{duration: 1M, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}, {displayName: strict, targetPercent: 99.9}]
  alertPolicies: [{alertPolicyRef: fast-burn}]
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: fast-burn}
spec: {alertWhenBreaching: true}
"""


def test_what_others_wrote_is_read(tmp_path: Path) -> None:
    """Two objectives are two SLOs; everything that has no place in a target file is said with its line."""
    path = tmp_path / "foreign.yaml"
    path.write_text(FOREIGN)
    found = load([path])
    assert found.slis == {"availability-sli": {"promql": {"good": 'http_total{code!~"5.."}', "total": "http_total"}}}
    assert found.slos == [
        {"name": "web-up", "objective": "availability-sli >= 99%", "window": "30d"},
        {"name": "web-up-2", "objective": "availability-sli >= 99.9%", "window": "30d"},
    ]
    assert [(note.line, note.text) for note in found.notes] == [
        (4, "DataSource prom: how a server is reached is `prometheus` in a target file"),
        (8, "metadata.displayName has no place in a target file"),
        (8, "metadata.labels has no place in a target file"),
        (8, "the SLI 'availability' is 'availability-sli' in a target file"),
        (10, "spec.description has no place in a target file"),
        (19, "a rolling 1M has no length of its own; 30d is taken"),
        (21, "spec.objectives[1].displayName has no place in a target file"),
        (22, "spec.alertPolicies has no place in a target file"),
        (25, "AlertPolicy fast-burn: alerts are made by `saleproof slo rules`"),
    ]


def test_objects_may_stand_in_a_list(tmp_path: Path) -> None:
    """As in OpenSLO's own examples: one document, a list of objects; a line is still the line in the file."""
    listed = tmp_path / "listed.yaml"
    documents_ = FOREIGN.strip().removeprefix("---\n").split("\n---\n")
    listed.write_text("".join("- " + text.strip().replace("\n", "\n  ") + "\n" for text in documents_))
    several = tmp_path / "several.yaml"
    several.write_text(FOREIGN)
    assert (load([listed]).slis, load([listed]).slos) == (load([several]).slis, load([several]).slos)
    listed.write_text(listed.read_text().replace("kind: SLO", "kind: SL0"))
    with pytest.raises(SpecError, match=r"listed.yaml:\d+: kind: unknown kind 'SL0'"):
        load([listed])
    listed.write_text("- 1\n- [2]\n")
    with pytest.raises(SpecError, match="no apiVersion"):
        load([listed])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sum(http_total{code!~\"5..\"})", "sum(rate(http_total[5m]))", "web.up is not taken over: spec.indicator.spec.ratioMetric.good: 'sum(rate(http_total[5m]))' is no selector of raw counters"),
        ("counter: true", "counter: false", "only raw counters are read: counter must be true"),
        ("        good:", "        bad:", "a target file counts what is good, and all; write a query for the good ones"),
        ("type: prometheus", "type: Datadog", "'Datadog' is a source that is not read here"),
        ("name: prom}", "name: other}", "nothing says which source it is: neither type nor a DataSource"),
        ("target: 0.99}", "target: 1.0}", "spec.objectives[0].target: 100% leaves no error budget"),
        ("target: 0.99}", "target: 0}", "0% leaves no error budget, or nothing else"),
        ("targetPercent: 99.9", "targetPercent: much", "spec.objectives[1].targetPercent: 'much' is no number"),
        ("{target: 0.99}", "{target: 0.99, targetPercent: 99}", "needs exactly one of target and targetPercent"),
        ("Occurrences", "RatioTimeslices", "'RatioTimeslices' is not a method that is known here"),
        ("Occurrences", "Timeslices", "Timeslices need timeSliceTarget"),
        ("duration: 1M", "duration: 2Y", "spec.timeWindow[0].duration: 2Y is longer than 400d, the longest window here"),
        ("duration: 1M", "duration: 500d", "500d is longer than 400d"),
        ("duration: 1M", "duration: soon", "spec.timeWindow[0].duration: 'soon' is no duration of OpenSLO"),
        ("isRolling: true", "calendar: {startTime: 2024-01-15 00:00:00, timeZone: UTC}", "1M from 2024-01-15 00:00:00 on is no day, week (from Monday), month"),
        ("isRolling: true", "calendar: {startTime: 2024-01-01 00:00:00, timeZone: Mars/Olympus}", "is no moment in a time zone"),
        ("timeWindow:", "timeWindows:", "spec.timeWindow: an objective needs one window"),
        ("  objectives:", "  objective:", "spec.objectives: there is no objective"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_over_says_why(old: str, new: str, words: str, tmp_path: Path) -> None:
    """No objective is bent to fit."""
    path = tmp_path / "foreign.yaml"
    assert old in FOREIGN
    path.write_text(FOREIGN.replace(old, new, 1))
    assert any(words in str(note) for note in load([path]).notes), [str(note) for note in load([path]).notes]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("openslo/v1\nkind: SLO", "openslo/v1alpha\nkind: SLO", "foreign.yaml:6: apiVersion: 'openslo/v1alpha' is another version or no OpenSLO; openslo/v1 is read"),
        ("openslo/v1\nkind: SLO", "openslo.com/v2alpha1\nkind: SLO", "'openslo.com/v2alpha1' is another version"),
        ("apiVersion: openslo/v1\nkind: SLO", "kind: SLO", "no apiVersion; openslo/v1 is read"),
        ("kind: SLO", "kind: SL0", "foreign.yaml:7: kind: unknown kind 'SL0'. Did you mean 'SLO'?"),
        ("metadata: {name: web.up,", "metadata: {nam: web.up,", "foreign.yaml:8: metadata: missing key 'name'"),
        ("spec: {type: prometheus", "spc: {type: prometheus", "spec: missing, or no mapping"),
        ("  service: web", "  service: *web", "foreign.yaml:11: aliases (*web) are refused"),
        ("  service: web", "  service: !!python/object:x {}", "tags (tag:yaml.org,2002:python/object:x) are refused"),
        ("  service: web", "  service: web\n  service: web", "foreign.yaml:12: duplicate key 'service'"),
    ],
)  # fmt: skip
def test_what_is_not_openslo_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    """With the line in the whole file, whichever document it is in."""
    path = tmp_path / "foreign.yaml"
    assert old in FOREIGN
    path.write_text(FOREIGN.replace(old, new, 1))
    with pytest.raises(SpecError) as caught:
        load([path])
    assert words in str(caught.value)
