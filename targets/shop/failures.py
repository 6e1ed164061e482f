"""How the shop's parts say no.

DependencyDown    a database, the cache or the provider did not answer: the customer gets 503 and Retry-After
Rejected          the request itself cannot be done: 4xx with a sentence
"""

from __future__ import annotations


class DependencyDown(Exception):
    """`dependency` did not answer, or its breaker is open. `reason` is a word for the metrics."""

    def __init__(self, dependency: str, reason: str) -> None:
        super().__init__(f"{dependency}: {reason}")
        self.dependency = dependency
        self.reason = reason


class Rejected(Exception):
    """The customer asked for what cannot be done. `status` is the HTTP one."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
