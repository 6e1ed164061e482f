"""SLIs: what is measured, from where, and over which requests.

The load's own SLIs need no declaration: `availability`, `error-rate`, `throughput`, `transactions`,
`customers-affected` and every percentile `p50` ... `p99.9` of the response time. A target file adds others, from
Prometheus metrics, a Prometheus server, HTTP or SQL.
"""

from __future__ import annotations

from enum import StrEnum

from chaos.model.base import Noun
from chaos.units import Duration


class Source(StrEnum):
    """Where a measurement comes from."""

    LOAD = "load"
    PROMETHEUS = "prometheus"  # /metrics of the instances themselves
    PROMQL = "promql"  # a Prometheus server
    HTTP = "http"
    SQL = "sql"


class Shape(StrEnum):
    """How an SLI is counted. Every shape becomes a bad fraction against a budget (VERDICTS section 2)."""

    AVAILABILITY = "availability"  # bad = no answer, an answer of 500 or more, or not what the step expects
    ERROR_RATE = "error-rate"  # the same count, written from the other side
    THROUGHPUT = "throughput"  # bad = offered and never answered within the customer's patience
    TRANSACTIONS = "transactions"  # per customer: bad = a journey marked `transaction` with a bad step
    CUSTOMERS = "customers-affected"  # per customer: bad = any bad step
    LATENCY = "latency"  # pNN: bad = slower than the threshold
    COUNTER_RATIO = "counter-ratio"  # good/total from two counters of /metrics
    HISTOGRAM = "histogram"  # pNN over the buckets of a histogram of /metrics
    GAUGE = "gauge"  # one number a sample: bad = a sample beyond the threshold


LOAD_SLIS: dict[str, Shape] = {
    "availability": Shape.AVAILABILITY,
    "error-rate": Shape.ERROR_RATE,
    "throughput": Shape.THROUGHPUT,
    "transactions": Shape.TRANSACTIONS,
    "customers-affected": Shape.CUSTOMERS,
}


# A Prometheus scrapes every 15 s in its own example; asking more often would count one sample several times.
EVERY = Duration(15)


class Sli(Noun):
    """An SLI that a target file declares. Exactly one source is set."""

    name: str
    source: Source
    shape: Shape
    service: str | None = None  # prometheus: whose /metrics, sql: which database; promql: `{service}`
    path: str = "/metrics"  # prometheus, http: the path on that service
    good: str | None = None  # counter-ratio: a metric, with labels if need be; promql: a selector
    total: str | None = None
    histogram: str | None = None  # histogram: the metric's base name, in seconds; promql: a selector of it
    gauge: str | None = None  # promql: a query that gives one number
    every: Duration = EVERY  # promql: how often a gauge is asked that is an expression
    query: str | None = None  # sql: one row with one number
    json: str | None = None  # http: a dotted path to a number in the JSON answer; without it, the status
