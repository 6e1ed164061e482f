"""A shop that is up, and traffic that ends with the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chaos.load.traffic import TrafficRun
from chaos.model.target import Traffic
from tests.load.customers import Shop, Watch, free_port


@pytest.fixture
def shop() -> Iterator[Shop]:
    found = Shop()
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def nobody() -> str:
    """A URL where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def send(tmp_path: Path) -> Iterator[Callable[..., tuple[TrafficRun, Watch]]]:
    """Starts traffic that ends with the test."""
    with ExitStack() as stack:

        def start(wanted: Traffic, url: str, **more: Any) -> tuple[TrafficRun, Watch]:
            watch = Watch()
            usual = {"profile": "normal", "seed": 1, "t0_s": time.monotonic(), "state_dir": tmp_path / "traffic"}
            options: dict[str, Any] = usual | more
            run = TrafficRun.start(
                wanted, base_url=url, on_batch=watch.batches.append,
                on_end=watch.on_end, **options,
            )  # fmt: skip
            stack.callback(run.stop, 0.0)
            return run, watch

        yield start
