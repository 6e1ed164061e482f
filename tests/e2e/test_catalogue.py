"""The catalogue on the embedded platform, for real: each experiment shows what its file expects of the variant, for the
reason that it names. catalogue.py says which are run."""

from __future__ import annotations

import json

import pytest

from .catalogue import Pair, check, each_of, pairs
from .conftest import Saleproof

pytestmark = [pytest.mark.e2e, pytest.mark.catalogue, pytest.mark.timeout(300)]


@each_of(pairs("embedded"))
def test_it_shows_what_it_expects(shop: tuple[Saleproof, str], pair: Pair) -> None:
    """With the profile `ci`."""
    (saleproof, variant), (_, path) = shop, pair
    done = saleproof("run", str(path), "--profile", "ci", "--variant", variant, "--json")
    check(json.loads(done.stdout), done.returncode, variant, path)
    assert saleproof.json("status")["faults"] == []
