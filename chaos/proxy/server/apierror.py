"""What the API answers when it refuses: Toxiproxy's own messages and status codes (its `api.go`)."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal with its HTTP status. It becomes `{"error": ..., "status": ...}`."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def bad_body(why: str) -> ApiError:
    """400: the body is no JSON, has a wrong type, or a value that no toxic can work with."""
    return ApiError(f"bad request body: {why}", 400)


def missing_field(which: str) -> ApiError:
    """400: a field that has no default is absent."""
    return ApiError(f"missing required field: {which}", 400)


def proxy_not_found() -> ApiError:
    """404: no proxy has that name."""
    return ApiError("proxy not found", 404)


def proxy_exists() -> ApiError:
    """409: the name is taken."""
    return ApiError("proxy already exists", 409)


def toxic_not_found() -> ApiError:
    """404: the proxy has no toxic of that name."""
    return ApiError("toxic not found", 404)


def toxic_exists() -> ApiError:
    """409: the proxy has a toxic of that name, in either stream."""
    return ApiError("toxic already exists", 409)


def lease_not_found() -> ApiError:
    """404: no lease has that id (an extension)."""
    return ApiError("lease not found", 404)


def lease_expired() -> ApiError:
    """410: the lease ran out, and what was under it is gone (an extension)."""
    return ApiError("lease expired", 410)


def invalid_stream() -> ApiError:
    """400: neither upstream nor downstream."""
    return ApiError("stream was invalid, can be either upstream or downstream", 400)


def invalid_toxic_type() -> ApiError:
    """400: no such toxic."""
    return ApiError("invalid toxic type", 400)
