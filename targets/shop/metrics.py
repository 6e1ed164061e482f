"""What an instance counts and times, in the Prometheus format, at /metrics. Times are in seconds."""

from __future__ import annotations

from functools import cache

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

disable_created_metrics()  # type: ignore[no-untyped-call]

# Fine where the shop's objectives are (2 s), from a cache hit up to a customer who gives up.
LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

REQUESTS = Counter("shop_http_requests", "Requests answered", ["route", "method", "status"])
REQUEST_SECONDS = Histogram("shop_http_request_seconds", "Time to answer", ["route", "status"], buckets=LATENCY)
IN_FLIGHT = Gauge("shop_http_in_flight", "Requests being answered or waiting for a worker now")
SHED = Counter("shop_http_shed", "Requests refused because too many were in flight")

QUERY_SECONDS = Histogram(
    "shop_db_query_seconds", "Time of a query, waiting for a connection included", ["query", "node"], buckets=LATENCY
)
QUERY_ERRORS = Counter("shop_db_errors", "Queries that failed", ["node", "reason"])
POOL = Gauge("shop_db_pool_connections", "Connections of a pool", ["node", "state"])
POOL_WAITING = Gauge("shop_db_pool_waiting", "Requests that wait for a connection", ["node"])

# hit: fresh, from this process or the shared cache. stale: old, but served because its source failed.
# miss: made anew. error: the cache itself failed (and the value was made anew, or not).
CACHE_REQUESTS = Counter("shop_cache_requests", "Looked up in the cache", ["result"])

BREAKER_STATE = Gauge("shop_breaker_state", "0 closed, 1 half-open, 2 open", ["dependency"])
RETRIES = Counter("shop_retries", "Second tries", ["dependency"])
PAYMENT_SECONDS = Histogram("shop_payment_seconds", "Time of a call to the provider", ["result"], buckets=LATENCY)
ORDERS = Counter("shop_orders", "Checkouts by what the customer was told", ["result"])
SETTLED = Counter("shop_orders_settled", "Pending orders that were settled later", ["result"])


@cache
def request_seconds(route: str, status: int) -> Histogram:
    """One child, remembered: looking labels up costs more than counting."""
    return REQUEST_SECONDS.labels(route, str(status))


@cache
def requests(route: str, method: str, status: int) -> Counter:
    return REQUESTS.labels(route, method, str(status))


@cache
def query_seconds(query: str, node: str) -> Histogram:
    return QUERY_SECONDS.labels(query, node)


@cache
def cache_requests(result: str) -> Counter:
    return CACHE_REQUESTS.labels(result)


def exposition() -> bytes:
    """All metrics as text."""
    return generate_latest(REGISTRY)
