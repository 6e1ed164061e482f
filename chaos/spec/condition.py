"""Sentences about SLIs: `[scope.]sli op value [for duration]`, read into a bad fraction against a budget; and
`[scope.]percentile no worse than before [by ratio]`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from chaos.errors import nearest
from chaos.model.objective import ANY, NEVER_S, Condition, Op
from chaos.model.sli import LOAD_SLIS, Shape, Sli, Source
from chaos.model.target import Target
from chaos.units import Bytes, Duration, Ratio

GRAMMAR = """\
condition  = objective | comparison ;
objective  = [ scope , "." ] , sli , op , value , [ "for" , duration ] ;
comparison = [ scope , "." ] , percentile , "no worse than before" , [ "by" , ratio ] ;
deviation  = [ [ scope , "." ] , sli ] , "deviated" ;       (* under `abort` only *)
scope      = name ;                          (* a step or a group of the target's traffic *)
sli        = load-sli | percentile | name | name , "." , percentile ;
load-sli   = "availability" | "error-rate" | "throughput" | "transactions" | "customers-affected" ;
percentile = "p" , number ;                  (* above 0 and below 100: p50, p99, p99.9 *)
op         = "<" | "<=" | ">" | ">=" ;
value      = ratio | duration | bytes | [ "-" ] , number ;
ratio      = number , "%" | digits , "/" , digits ;
duration   = number , ( "us" | "ms" | "s" | "m" | "h" | "d" ) ;
bytes      = number , ( "B" | "KB" | "MB" | "GB" | "KiB" | "MiB" | "GiB" ) ;
number     = digits , [ "." , digits ] ;
name       = letter , { letter | digit | "-" | "_" } ;
"""

NAME = r"[A-Za-z][A-Za-z0-9_-]*"
PERCENTILE = r"p\d+(?:\.\d+)?"
_SENTENCE = re.compile(
    r"(?P<what>[^<>=!≤≥]*?)\s*(?P<op>[<>=!≤≥]+)\s*(?P<value>.*?)(?:\s+for\s+(?P<hold>.*))?", re.DOTALL
)
_COMPARISON = re.compile(r"(?P<what>\S+) no worse than before(?: by (?P<by>.+))?", re.DOTALL)
_WHAT = re.compile(rf"(?:(?P<scope>{NAME})\.)?(?P<sli>{PERCENTILE}|{NAME})")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

# A gauge is one number a scrape. 5 % of the scrapes may be beyond the threshold, so that 59 good ones prove it held.
GAUGE_BUDGET = 0.05

# Nobody makes a hundred million requests to see one: a percentile that is nearer to p100, or to p0, is a slip.
LEAST_BUDGET = 1e-8

# A p99 may be so much longer than before: smaller differences are nobody's weakness.
TOLERANCE = Ratio(0.2)

# Good is many of these, bad is many of those; a gauge can be either.
_GOOD = frozenset({Shape.AVAILABILITY, Shape.THROUGHPUT, Shape.TRANSACTIONS, Shape.COUNTER_RATIO})
_PERCENTILES = frozenset({Shape.LATENCY, Shape.HISTOGRAM})

Role = Literal["hypothesis", "abort"]


class Wrong(Exception):
    """A sentence that cannot be read; the message says what was got and what is allowed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sli:
    """What a sentence measures."""

    name: str
    source: Source
    shape: Shape
    steps: tuple[str, ...] = ()
    percentile: float | None = None


def parse(text: str, target: Target, *, role: Role = "hypothesis", line: int | None = None) -> Condition:
    """One sentence, resolved against its target. `role`: a hypothesis says what is good, an abort condition what is
    too bad to go on. Raises: Wrong."""
    sentence = " ".join(text.split())
    if is_deviation(text):
        raise Wrong(f"`{sentence}` belongs to abort conditions; a hypothesis says what is good")
    if re.search(r"\b(worse|before)\b", sentence) and not re.search("[<>=]", sentence):
        return _comparison(sentence, target, role, line)
    found = _SENTENCE.fullmatch(sentence)
    if found is None or not found["what"] or not found["value"]:
        raise Wrong(f"{text!r} is not a condition; write it like `checkout.p99 < 2s` or `availability >= 99.9%`")
    if found["op"] not in [op.value for op in Op]:
        raise Wrong(f"unknown comparison '{found['op']}' in {text!r}. Known: <, <=, >, >=.")
    op = Op(found["op"])
    sli = _sli(found["what"], target)
    threshold = _threshold(found["value"], sli)
    _direction(sentence, sli, op, found["value"], role)
    return Condition(
        text=sentence,
        sli=sli.name,
        source=sli.source,
        shape=sli.shape,
        op=op,
        threshold=threshold,
        budget=_budget(sentence, sli, threshold),
        steps=sli.steps,
        percentile=sli.percentile,
        hold=_hold(found["hold"], sentence, role),
        line=line,
    )


def _comparison(sentence: str, target: Target, role: Role, line: int | None) -> Condition:
    """`pages.p99 no worse than before by 20%`. Raises: Wrong."""
    found = _COMPARISON.fullmatch(sentence)
    if found is None:
        raise Wrong(
            f"`{sentence}` is not a condition; write a comparison like `pages.p99 no worse than before`, or "
            "`pages.p99 no worse than before by 50%`"
        )
    sli = _sli(found["what"], target)
    if sli.shape is not Shape.LATENCY or sli.percentile is None:
        raise Wrong(
            f"`{sentence}`: only percentiles of the traffic are compared with before, such as `p99` or `pages.p95`; "
            f"give '{found['what']}' a value of its own"
        )
    if role == "abort":
        raise Wrong(f"`{sentence}`: a comparison is judged when its window is over; an abort condition needs a value")
    try:
        tolerance = TOLERANCE if found["by"] is None else Ratio.parse(found["by"])
    except (ValueError, OverflowError) as error:
        raise Wrong(f"`{sentence}`: {error}") from error
    if tolerance <= 0:
        raise Wrong(f"`{sentence}` allows no difference at all, which no number of samples can prove; write `by 20%`")
    return Condition(
        text=sentence, sli=sli.name, source=sli.source, shape=sli.shape, op=Op.LE, threshold=NEVER_S,
        budget=_budget(sentence, sli, NEVER_S), steps=sli.steps, percentile=sli.percentile, line=line,
        tolerance=float(tolerance),
    )  # fmt: skip


def is_deviation(text: str) -> bool:
    """Is it `deviated`, or `checkout.p99 deviated`? Those are no comparisons, and belong to abort conditions."""
    return text.split()[-1:] == ["deviated"]


def deviation(text: str, judged: Iterable[str]) -> str:
    """The key of the judged sentence whose deviation is meant, ANY for `deviated` alone. Raises: Wrong."""
    key, known = " ".join(text.split()[:-1]), tuple(judged)
    if key and key not in known:
        raise Wrong(f"'{key} deviated': neither hypothesis nor during has a sentence on '{key}'.{nearest(key, known)}")
    return key or ANY


def is_percentile(word: str) -> bool:
    return re.fullmatch(PERCENTILE, word) is not None


def _sli(what: str, target: Target) -> _Sli:
    found = _WHAT.fullmatch(what)
    if found is None:
        raise Wrong(f"'{what}' is not an SLI; write `sli`, `step.sli` or `declared.p95`")
    scope, word = found["scope"], found["sli"]
    if scope in target.slis:
        return _declared_percentile(target.slis[scope], word)
    if scope is None and word in target.slis:
        return _declared(target.slis[word])
    return _load(scope, word, what, target)


def _declared(sli: Sli) -> _Sli:
    if sli.shape is Shape.HISTOGRAM:
        raise Wrong(f"'{sli.name}' is a histogram; say which percentile of it, for example '{sli.name}.p95'")
    return _Sli(name=sli.name, source=sli.source, shape=sli.shape)


def _declared_percentile(sli: Sli, word: str) -> _Sli:
    if sli.shape is not Shape.HISTOGRAM:
        raise Wrong(f"'{sli.name}' is not a histogram, so it has no '{word}'; write '{sli.name}' alone")
    if not is_percentile(word):
        raise Wrong(f"'{word}' is not a percentile of '{sli.name}'; write p50, p95 or p99, for example")
    percentile = _percentile(word)
    return _Sli(name=f"{sli.name}.{word}", source=sli.source, shape=sli.shape, percentile=percentile)


def _load(scope: str | None, word: str, what: str, target: Target) -> _Sli:
    known = [*LOAD_SLIS, *target.slis, "p50", "p95", "p99"]
    percentile = _percentile(word) if is_percentile(word) else None
    shape = Shape.LATENCY if percentile is not None else LOAD_SLIS.get(word)
    if shape is None:
        raise Wrong(f"unknown SLI '{word}' in '{what}'.{nearest(word, known)}")
    if target.traffic is None:
        raise Wrong(f"'{what}' is measured on traffic, and the target '{target.name}' has none")
    if target.traffic.engine and shape in (Shape.TRANSACTIONS, Shape.CUSTOMERS):
        raise Wrong(
            f"'{what}': {target.traffic.engine} makes the traffic, and its users are no customers who come and go"
        )
    return _Sli(
        name=word, source=Source.LOAD, shape=shape, steps=_steps(scope, shape, what, target), percentile=percentile
    )


def _steps(scope: str | None, shape: Shape, what: str, target: Target) -> tuple[str, ...]:
    if scope is None or target.traffic is None:
        return ()
    if shape is Shape.TRANSACTIONS:
        raise Wrong(f"'{what}': transactions counts whole journeys, so it takes no step; write 'transactions' alone")
    if scope in target.traffic.groups:
        return target.traffic.groups[scope]
    if scope in target.traffic.steps:
        return (scope,)
    histograms = [sli.name for sli in target.slis.values() if sli.shape is Shape.HISTOGRAM]
    known = [*target.traffic.steps, *target.traffic.groups, *histograms]
    raise Wrong(f"unknown step, group or SLI '{scope}' in '{what}'.{nearest(scope, known)}")


def _percentile(word: str) -> float:
    value = float(word[1:])
    if not 0 < value < 100:
        raise Wrong(f"'{word}' is not a percentile: it must be above p0 and below p100, for example p99 or p99.9")
    if not LEAST_BUDGET <= 1 - value / 100 <= 1 - LEAST_BUDGET:
        raise Wrong(f"'{word}' is nearer to p0 or p100 than any run can tell; p99.9999 takes three million samples")
    return value


def _threshold(text: str, sli: _Sli) -> float:
    """The value in base units. Raises: Wrong when its unit is not the SLI's."""
    try:
        if sli.shape in _PERCENTILES:
            threshold = float(Duration.parse(text))
            if threshold <= 0:
                raise Wrong(f"'{sli.name}' against {text}: nothing is faster than that")
            return threshold
        if sli.shape is not Shape.GAUGE:
            return float(Ratio.parse(text))
    except (ValueError, OverflowError) as error:
        raise Wrong(f"'{sli.name}': {error}") from error
    if _NUMBER.fullmatch(text):
        return float(text)
    for unit in (Duration, Ratio, Bytes):
        try:
            return float(unit.parse(text))
        except (ValueError, OverflowError):
            continue
    raise Wrong(f"'{sli.name}': {text!r} is not a number; write one such as 1, 0.5, 80%, 300ms or 10MB")


def _direction(sentence: str, sli: _Sli, op: Op, value: str, role: Role) -> None:
    if sli.shape is Shape.GAUGE:
        return
    upwards = op in (Op.GT, Op.GE)
    if upwards == ((sli.shape in _GOOD) == (role == "hypothesis")):
        return
    other = {Op.LT: ">", Op.LE: ">=", Op.GT: "<", Op.GE: "<="}[op]
    says = (
        "a hypothesis says what is good" if role == "hypothesis" else "an abort condition says what is too bad to go on"
    )
    subject = sentence.split(op.value)[0].strip()
    raise Wrong(f"`{sentence}` points the wrong way: {says}. Did you mean `{subject} {other} {value}`?")


def _budget(sentence: str, sli: _Sli, threshold: float) -> float:
    """The bad fraction that the sentence allows, or for an abort condition the one that it does not."""
    if sli.percentile is not None:
        return round(1 - sli.percentile / 100, 12)
    if sli.shape is Shape.GAUGE:
        return GAUGE_BUDGET
    budget = round(1 - threshold if sli.shape in _GOOD else threshold, 12)
    if budget <= 0:
        raise Wrong(
            f"`{sentence}` allows nothing at all, which no number of samples can prove; "
            "write an objective with a budget, such as 99.9% good or 0.1% bad"
        )
    if budget >= 1:
        raise Wrong(f"`{sentence}` allows everything, so it can never be broken")
    return budget


def _hold(text: str | None, sentence: str, role: Role) -> Duration:
    if text is None:
        return Duration(0)
    if role == "hypothesis":
        raise Wrong(f"`{sentence}`: 'for' belongs to abort conditions; a hypothesis is judged over its whole window")
    try:
        return Duration.parse(text)
    except (ValueError, OverflowError) as error:
        raise Wrong(f"`{sentence}`: {error}") from error
