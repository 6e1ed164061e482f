"""Somebody else's project, brought up once; every test leaves it as it found it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from project import Voting, apps, saleproof

from chaos.platforms.compose.agent import Agent


class Ground(NamedTuple):
    """Where a test stands."""

    voting: Voting
    decoy: Voting
    reader: Agent
    target: Path  # made by `saleproof init`


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    state = Path(tempfile.mkdtemp(prefix="saleproof-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALEPROOF_STATE", str(state))
        try:
            with apps() as (voting, decoy, reader):
                target = state / "voting.yaml"
                saleproof("init", "--compose", voting.name, "--output", str(target))
                yield Ground(voting, decoy, reader, target)
        finally:
            shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
def attached(ground: Ground) -> Iterator[Ground]:
    """With a fault proxy on `vote -> redis`."""
    saleproof("attach", "vote -> redis", "--recycle", "--target", str(ground.target))
    try:
        yield ground
    finally:
        saleproof("detach", "--target", str(ground.target))
