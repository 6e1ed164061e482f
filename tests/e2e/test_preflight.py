"""A run refuses a target that is not well, before it disturbs anything; and an armed production target is rehearsed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos.platforms import service_control
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.values import ToxicSpec
from chaos.spec import load_target

from .conftest import ROOT, Saleproof
from .test_safety import EXPERIMENT, RUN

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def findings(saleproof: Saleproof) -> dict[str, Any]:
    return {finding["check"]: finding for finding in saleproof.json("doctor")["findings"]}


def test_doctor_and_run_see_what_is_left(saleproof: Saleproof, monkeypatch: pytest.MonkeyPatch) -> None:
    """All well at first; then a toxic that nobody took off, and a paused service: 75 each, and nothing is recorded."""
    assert saleproof("up").returncode == 0
    well = findings(saleproof)
    assert {finding["level"] for finding in well.values()} == {"ok"}
    assert {"services", "links", "source stock-left"} <= set(well)

    client = ToxiproxyClient(saleproof.json("status")["proxy_api"])
    client.add_toxic("web-1 -> db", ToxicSpec(name="old", type="latency", attributes={"latency": 100}))
    assert findings(saleproof)["links"]["level"] == "problem"
    refused = saleproof(*RUN)
    assert (refused.returncode, refused.stderr.count("\n")) == (75, 1)
    assert "web-1 -> db has latency (old)" in refused.stderr
    client.remove_toxic("web-1 -> db", "old")

    monkeypatch.setenv("SALEPROOF_STATE", str(saleproof.state))
    platform = EmbeddedPlatform.attach(load_target(ROOT / "targets/shop.yaml"))
    assert platform is not None
    control = service_control(platform.control())
    control.pause("web-2")
    refused = saleproof(*RUN)
    assert refused.returncode == 75
    assert "web-2 is paused" in refused.stderr
    control.unpause("web-2")
    control.stop("cache")
    assert "cache is stopped" in saleproof(*RUN).stderr
    control.start("cache")
    assert saleproof.json("runs") == []
    assert {finding["level"] for finding in findings(saleproof).values()} == {"ok"}


def test_an_armed_production_target_is_rehearsed(saleproof: Saleproof, tmp_path: Path) -> None:
    """By its name, with a guard and one instance of three; the record says that somebody armed it, and that the guard's
    histogram has no bucket at the value that it was given."""
    target = tmp_path / "targets" / "shop.yaml"
    target.parent.mkdir()
    text = (ROOT / "targets/shop.yaml").read_text()
    target.write_text(text.replace("environment: local", "environment: production"))
    (tmp_path / "targets" / "shop").symlink_to(ROOT / "targets" / "shop")
    (tmp_path / "targets" / "__init__.py").touch()
    experiment = tmp_path / "x.yaml"
    quick = Path(EXPERIMENT).read_text().replace("for: 10s", "for: 10s, share: 1/3")
    experiment.write_text(f"{quick}\nabort: [error-rate > 50% for 3s, answer.p50 > 1700ms for 3s]\n")
    run = ("run", str(experiment), "--target", str(target))
    assert saleproof(*run).returncode == 75
    done = saleproof(*run, "--arm", "shop", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["faults"]) == 1
    assert "shop is production, armed by" in done.stderr
    assert "answer.p50 > 1700ms for 3s: the histogram has no bucket that ends at 1.7 s; 1.5 s is used" in " ".join(
        saleproof("show", "last", "--events").stdout.split()
    )
