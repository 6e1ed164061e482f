"""The catalogue on the embedded platform, for real: each experiment shows what its file expects of the variant, for the
reason that it names. catalogue.py says which are run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .catalogue import check, pairs
from .conftest import Saleproof

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(300)]
PAIRS = pairs("embedded")


@pytest.mark.parametrize(("shop", "path"), PAIRS, ids=[f"{v}-{path.stem}" for v, path in PAIRS], indirect=["shop"])
def test_it_shows_what_it_expects(shop: tuple[Saleproof, str], path: Path) -> None:
    """With the profile `ci`."""
    saleproof, variant = shop
    done = saleproof("run", str(path), "--profile", "ci", "--variant", variant, "--json")
    check(json.loads(done.stdout), done.returncode, variant, path)
    assert saleproof.json("status")["faults"] == []
