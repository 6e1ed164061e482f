"""What a container most likely is, by its image's name and its ports. A person sees to it that they are right."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chaos.model.target import Protocol

# A word of the image's or the service's name -> role. The first that fits.
ROLES: tuple[tuple[str, str], ...] = (
    (r"postgres|postgis|timescale|mysql|mariadb|mongo|cockroach|mssql|db|database", "database"),
    (r"redis|valkey|memcached|keydb|dragonfly|cache", "cache"),
    (r"rabbitmq|kafka|nats|redpanda|activemq|queue", "queue"),
    (r"nginx|envoy|haproxy|traefik|caddy|gateway|edge|lb", "edge"),
    (r"prometheus|grafana|alertmanager|jaeger|loki|otel", "observability"),
    (r"web|www|frontend|api|app|site|shop|store", "web"),
    (r"worker|consumer|jobs?|cron|celery|sidekiq", "worker"),
)
IMAGES: tuple[tuple[str, Protocol], ...] = (
    (r"postgres|postgis|timescale", "postgres"),
    (r"redis|valkey|keydb|dragonfly", "redis"),
    (r"nginx|envoy|haproxy|traefik|caddy|httpd", "http"),
)
# The usual ports: /etc/services, and the defaults of web frameworks.
PORTS: dict[int, Protocol] = {
    5432: "postgres", 6379: "redis", 80: "http", 3000: "http", 4000: "http", 5000: "http", 8000: "http", 8001: "http",
    8080: "http", 8081: "http", 8888: "http", 9000: "http", 9090: "http",
}  # fmt: skip
SCHEMES: dict[str, int] = {
    "http": 80, "https": 443, "postgres": 5432, "postgresql": 5432, "redis": 6379, "rediss": 6379, "mysql": 3306,
    "mongodb": 27017, "amqp": 5672, "amqps": 5671, "nats": 4222, "smtp": 25,
}  # fmt: skip


def role(image: str, service: str) -> str:
    """By the last part of the image's name, then by the service's."""
    for text in (image.rpartition("/")[2].partition(":")[0], service):
        for pattern, found in ROLES:
            if re.search(rf"(^|[^a-z])({pattern})([^a-z]|$)", text.lower()):
                return found
    return "service"


def protocol(image: str, port: int) -> Protocol:
    """`tcp` where nothing is known: a connection can be disturbed, and its answers are not understood."""
    if port in PORTS:
        return PORTS[port]
    name = image.rpartition("/")[2].lower()
    return next((found for pattern, found in IMAGES if re.search(pattern, name)), "tcp")


def port(exposed: Iterable[int], published: Iterable[int], listens: Iterable[int]) -> int:
    """The one that others dial: what it really listens on counts, a known port before another. 0: none."""
    listening, named = list(listens), [*published, *exposed]
    there = [one for one in named if one in listening] or named or listening
    return next((one for one in there if one in PORTS), there[0] if there else 0)
