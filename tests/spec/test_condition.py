"""Sentences about SLIs."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.model.objective import Op
from chaos.model.sli import Shape, Source
from chaos.model.target import Target
from chaos.spec import condition, load_target
from chaos.units import Duration

SHOP = Path(__file__).parent / "files" / "targets" / "shop.yaml"
TARGET: Target = load_target(SHOP)


@pytest.mark.parametrize(
    ("text", "budget", "threshold"),
    [
        ("availability >= 99.9%", 0.001, 0.999),
        ("availability > 99.99%", 0.0001, 0.9999),
        ("error-rate <= 0.1%", 0.001, 0.001),
        ("error-rate < 0.1%", 0.001, 0.001),
        ("throughput >= 99%", 0.01, 0.99),
        ("transactions >= 99.5%", 0.005, 0.995),
        ("customers-affected <= 1%", 0.01, 0.01),
        ("p99 < 2s", 0.01, 2.0),
        ("p50 < 200ms", 0.5, 0.2),
        ("pages.p99.9 <= 1.5s", 0.001, 1.5),
        ("db-query.p95 < 50ms", 0.05, 0.05),
        ("cache-hits >= 80%", 0.2, 0.8),
        ("cache-hits >= 4/5", 0.2, 0.8),
        ("stock-left >= 1", 0.05, 1.0),
        ("stock-left > -5", 0.05, -5.0),
        ("stock-left < 300ms", 0.05, 0.3),
        ("edge-ready < 400", 0.05, 400.0),
    ],
)
def test_every_sentence_is_a_bad_fraction_against_a_budget(text: str, budget: float, threshold: float) -> None:
    """VERDICTS section 2: one shape for every SLI."""
    read = condition.parse(text, TARGET)
    assert read.budget == pytest.approx(budget, abs=1e-12)
    assert read.threshold == pytest.approx(threshold)
    assert read.text == text


@pytest.mark.parametrize(
    ("text", "budget", "hold"),
    [
        ("error-rate > 25% for 3s", 0.25, 3),
        ("availability < 90% for 2s", 0.1, 2),
        ("p99 > 5s for 3s", 0.01, 3),
        ("checkout.p95 >= 5s", 0.05, 0),
        ("stock-left < 1 for 5s", 0.05, 5),
    ],
)
def test_an_abort_condition_says_what_is_too_bad(text: str, budget: float, hold: float) -> None:
    """The comparison points the other way, and the budget is the fraction that is not tolerated."""
    read = condition.parse(text, TARGET, role="abort")
    assert read.budget == pytest.approx(budget)
    assert read.hold == Duration(hold)


def test_a_scope_is_a_step_or_a_group() -> None:
    """`checkout.p99` counts one step's requests, `pages.p99` a group's, `p99` all of them."""
    assert condition.parse("checkout.p99 < 2s", TARGET).steps == ("checkout",)
    assert condition.parse("pages.availability >= 99%", TARGET).steps == ("home", "list")
    assert condition.parse("p99 < 2s", TARGET).steps == ()


def test_declared_slis_have_their_source() -> None:
    """A histogram takes a percentile, a ratio and a gauge stand alone."""
    query = condition.parse("db-query.p95 < 50ms", TARGET)
    assert (query.sli, query.source, query.shape, query.percentile) == (
        "db-query.p95", Source.PROMETHEUS, Shape.HISTOGRAM, 95.0,
    )  # fmt: skip
    assert condition.parse("stock-left >= 1", TARGET).source is Source.SQL
    assert condition.parse("edge-ready <= 399", TARGET).op is Op.LE


def test_a_percentile_is_compared_with_before() -> None:
    """20 % longer is tolerated, or what `by` says; a comparison stands beside an objective on the same percentile."""
    read = condition.parse("pages.p99  no worse\nthan before", TARGET)
    assert (read.text, read.sli, read.percentile) == ("pages.p99 no worse than before", "p99", 99.0)
    assert (read.tolerance, read.budget, read.steps) == (0.2, 0.01, ("home", "list"))
    other = condition.parse("pages.p99 no worse than before by 1/2", TARGET)
    assert other.tolerance == 0.5
    assert other.key == read.key != condition.parse("pages.p99 < 2s", TARGET).key
    assert condition.parse("p99 < 2s", TARGET).tolerance is None


def test_the_value_is_not_part_of_the_question() -> None:
    """Two sentences on the same SLI and step have the same key, whatever their layout."""
    keys = {
        condition.parse(text, TARGET).key for text in ("checkout.p99 < 2s", "checkout.p99<3s", "checkout.p99  <= 4s")
    }
    assert keys == {"checkout.p99"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("chekcout.p99 < 2s", "unknown step, group or SLI 'chekcout' in 'chekcout.p99'. Did you mean 'checkout'?"),
        ("availabilty >= 99%", "unknown SLI 'availabilty' in 'availabilty'. Did you mean 'availability'? Known: "),
        ("stock >= 1", "unknown SLI 'stock' in 'stock'. Did you mean 'stock-left'?"),
        ("pages.latency < 2s", "unknown SLI 'latency' in 'pages.latency'"),
        ("availability <= 99%", "points the wrong way: a hypothesis says what is good. Did you mean `availability >= 99%`?"),
        ("p99 > 2s", "Did you mean `p99 < 2s`?"),
        ("error-rate >= 1%", "Did you mean `error-rate <= 1%`?"),
        ("availability >= 100%", "allows nothing at all, which no number of samples can prove"),
        ("error-rate <= 0%", "allows nothing at all"),
        ("availability >= 0%", "allows everything, so it can never be broken"),
        ("error-rate <= 100%", "allows everything"),
        ("p99 < 0s", "nothing is faster than that"),
        ("p100 < 2s", "'p100' is not a percentile"),
        ("p0 < 2s", "'p0' is not a percentile"),
        ("p99.9999999999999 < 2s", "'p99.9999999999999' is nearer to p0 or p100 than any run can tell"),
        ("p0.0000000000001 < 2s", "'p0.0000000000001' is nearer to p0 or p100 than any run can tell"),
        ("p99 < 2", "'p99': '2' is not a duration; write it with its unit"),
        ("p99 < 2%", "'p99': '2%' is not a duration"),
        ("availability >= 2s", "'availability': '2s' is not a ratio; write it as 99.9% or 1/3"),
        ("availability >= 0.999", "'0.999' is not a ratio"),
        ("availability >= 101%", "'101%' is not between 0% and 100%"),
        ("stock-left >= many", "'stock-left': 'many' is not a number"),
        ("availability == 99%", "unknown comparison '=='"),
        ("availability ≥ 99%", "unknown comparison '≥'"),
        ("availability 99%", "is not a condition; write it like"),
        ("availability >=", "is not a condition"),
        (">= 99%", "is not a condition"),
        ("", "is not a condition"),
        ("a.b.p99 < 2s", "'a.b.p99' is not an SLI"),
        ("db-query < 50ms", "'db-query' is a histogram; say which percentile of it, for example 'db-query.p95'"),
        ("db-query.max < 50ms", "'max' is not a percentile of 'db-query'"),
        ("cache-hits.p95 < 50ms", "'cache-hits' is not a histogram"),
        ("checkout.transactions >= 99%", "transactions counts whole journeys, so it takes no step"),
        ("p99 < 2s for 3s", "'for' belongs to abort conditions"),
        ("p99 no worse then before", "write a comparison like `pages.p99 no worse than before`"),
        ("pages.p99 is no worse than before", "write a comparison like"),
        ("availability no worse than before", "only percentiles of the traffic are compared with before"),
        ("db-query.p95 no worse than before", "only percentiles of the traffic are compared with before"),
        ("pagse.p99 no worse than before", "unknown step, group or SLI 'pagse' in 'pagse.p99'. Did you mean 'pages'?"),
        ("p99 no worse than before by 20", "'20' is not a ratio; write it as 99.9% or 1/3"),
        ("p99 no worse than before by 300%", "'300%' is not between 0% and 100%"),
        ("p99 no worse than before by 0%", "allows no difference at all, which no number of samples can prove"),
    ],
)  # fmt: skip
def test_a_wrong_sentence_says_what_was_meant(text: str, words: str) -> None:
    """Wrong direction, unit, SLI, scope and impossible objectives are each a clear error."""
    with pytest.raises(condition.Wrong) as caught:
        condition.parse(text, TARGET)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("error-rate < 25%", "an abort condition says what is too bad to go on. Did you mean `error-rate > 25%`?"),
        ("error-rate > 25% for 3", "'3' is not a duration"),
        ("error-rate > 25% for", "is not a ratio"),
        ("p99 no worse than before", "judged when its window is over; an abort condition needs a value"),
    ],
)
def test_a_wrong_abort_condition_says_so(text: str, words: str) -> None:
    """The direction is the other way round there."""
    with pytest.raises(condition.Wrong) as caught:
        condition.parse(text, TARGET, role="abort")
    assert words in str(caught.value)


NUMBERS = st.one_of(st.integers(0, 10**6).map(str), st.floats(0, 10**4, allow_nan=False).map(lambda f: f"{f:.3f}"))
SLIS = st.sampled_from(
    ["availability", "error-rate", "throughput", "transactions", "customers-affected", "p50", "p99.9"]
)
SCOPES = st.sampled_from(["", "checkout.", "pages.", "db-query.", "nobody."])
UNITS = st.sampled_from(["%", "ms", "s", "m", "KiB", "", "/3"])


@given(
    scope=SCOPES,
    sli=st.one_of(SLIS, st.sampled_from(["cache-hits", "stock-left", "db-query", "nothing"])),
    op=st.sampled_from(["<", "<=", ">", ">="]),
    number=NUMBERS,
    unit=UNITS,
    hold=st.sampled_from(["", " for 3s", " for 1/3"]),
    role=st.sampled_from(["hypothesis", "abort"]),
)
def test_every_sentence_of_the_grammar_is_read_or_refused_in_words(
    scope: str, sli: str, op: str, number: str, unit: str, hold: str, role: condition.Role
) -> None:
    """The grammar's sentences: a condition with a budget between nothing and everything, or one sentence that says why
    not; never another exception."""
    text = f"{scope}{sli} {op} {number}{unit}{hold}"
    try:
        read = condition.parse(text, TARGET, role=role)
    except condition.Wrong:
        return
    assert 0 < read.budget < 1
    assert read.key == f"{scope}{sli}"


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    """Nothing that a person can type is a traceback."""
    try:
        condition.parse(text, TARGET)
    except condition.Wrong:
        return
