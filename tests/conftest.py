"""What every test shares: the one rule for those that need a Docker engine."""

from __future__ import annotations

import functools
import os

import pytest

REQUIRED = "SALEPROOF_REQUIRE_DOCKER"


@functools.cache
def no_engine() -> str:
    """Why there is no Docker engine on this machine that answers, with Compose; empty when there is. Asked once in a
    test process."""
    from chaos.errors import SaleproofError
    from chaos.platforms.compose.command import needs_compose
    from chaos.platforms.compose.engine import connect

    try:
        found = connect()
        found.ping()
        needs_compose()
    except SaleproofError as cause:
        return str(cause)
    return (
        "" if found.endpoint.is_local else f"{found.endpoint} is not on this machine, and the tests dial what is there"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test with the marker `docker` is skipped, with the reason, where no engine answers; with
    SALEPROOF_REQUIRE_DOCKER=1 it fails there."""
    if item.get_closest_marker("docker") is None or not (why := no_engine()):
        return
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, and no Docker engine: {why}", pytrace=False)
    pytest.skip(f"no Docker engine: {why}")


@pytest.fixture(autouse=True)
def _no_engine_by_chance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests see no engine: what happens to be up on one must not change what they find."""
    if request.node.get_closest_marker("docker") is None:
        monkeypatch.setenv("DOCKER_HOST", "unix:///there/is/none")
