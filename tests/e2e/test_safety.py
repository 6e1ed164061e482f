"""Nothing stays broken: signals, a killed runner, a killed watchdog, and a fault that did not bite."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaos.proxy.client import ToxiproxyClient

from .conftest import ROOT, Saleproof

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
EXPERIMENT = str(Path(__file__).with_name("quick.yaml"))
RUN = ("run", EXPERIMENT)


def until(what: Callable[[], Any], within_s: float = 60.0) -> Any:
    """The first true answer."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def injected(saleproof: Saleproof) -> list[dict[str, Any]]:
    """The faults that status shows, once all three places have one."""
    status = json.loads(saleproof("status", "--json").stdout)
    faults: list[dict[str, Any]] = status["faults"]
    return faults if len(faults) == 3 else []


def toxics(api: str) -> list[str]:
    """What is on the proxies, asked of the fault proxy itself."""
    return [t.name for proxy in ToxiproxyClient(api).proxies().values() for t in proxy.toxics]


def started(saleproof: Saleproof, experiment: str = EXPERIMENT) -> tuple[subprocess.Popen[str], str, dict[str, Any]]:
    """A run on a shop that was up before, with its fault on: the process, the proxy's API, one fault of `status`."""
    assert saleproof("up").returncode == 0
    run = saleproof.start("run", experiment)
    fault = until(lambda: injected(saleproof))[0]
    return run, saleproof.json("status")["proxy_api"], fault


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reverts_at_once(saleproof: Saleproof, number: signal.Signals) -> None:
    """Exit 130, every toxic gone, the record says interrupted."""
    run, api, fault = started(saleproof)
    assert (fault["kind"], fault["on"]) == ("latency", True)
    assert len(toxics(api)) == 3
    run.send_signal(number)
    run.communicate(timeout=30)
    assert run.returncode == 130
    assert toxics(api) == []
    newest = saleproof.json("runs")[0]
    assert (newest["status"], newest["exit"]) == ("interrupted", 130)


def test_a_killed_runner_leaves_nothing(saleproof: Saleproof) -> None:
    """kill -9: the watchdog reverts within 5 s and completes the record as crashed."""
    run, api, fault = started(saleproof)
    run.kill()
    run.communicate(timeout=10)
    until(lambda: toxics(api) == [], within_s=5)
    newest = until(lambda: [r for r in saleproof.json("runs") if r["exit"] is not None])[0]
    assert (newest["id"], newest["status"], newest["exit"]) == (fault["run"], "crashed", 70)


def test_runner_and_watchdog_killed_leaves_it_to_recover(saleproof: Saleproof) -> None:
    """`run` refuses with 75 until `recover`, which reverts from the ledger alone and exits with 0."""
    run, api, _ = started(saleproof)
    watchdog = next(line for line in saleproof.leftovers() if "rehearsal.watchdog" in line)
    os.kill(int(watchdog.split()[0]), signal.SIGKILL)
    run.kill()
    run.communicate(timeout=10)
    assert len(toxics(api)) == 3
    refused = saleproof(*RUN)
    assert refused.returncode == 75
    assert "saleproof recover" in refused.stderr
    (saleproof.state / "ledger" / "zz.json").write_text("{")
    unreadable = saleproof("recover")
    assert unreadable.returncode == 3  # all that can be read was reverted, and the rest is named
    assert "zz.json" in unreadable.stderr
    assert toxics(api) == []
    (saleproof.state / "ledger" / "zz.json").unlink()
    assert saleproof.json("judge", "last")["status"] == "crashed"
    assert [fault["reverted_by"] for fault in saleproof.json("judge", "last")["faults"]] == ["recover"] * 3
    recovered = saleproof("recover")
    assert (recovered.returncode, recovered.stdout.strip()) == (0, "nothing to recover: the ledger is empty")


def test_a_dead_watchdog_ends_the_run(saleproof: Saleproof) -> None:
    """Nobody watches, nobody injects: the runner reverts and aborts. That says nothing about the shop: exit 2."""
    run, api, _ = started(saleproof)
    watchdog = next(line for line in saleproof.leftovers() if "rehearsal.watchdog" in line)
    os.kill(int(watchdog.split()[0]), signal.SIGKILL)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "watchdog" in out
    assert toxics(api) == []


def test_a_second_run_on_the_same_target_is_refused(saleproof: Saleproof) -> None:
    """75, says who holds it, and the first run is not disturbed."""
    run, api, fault = started(saleproof)
    second = saleproof(*RUN)
    assert second.returncode == 75
    assert fault["run"] in second.stderr
    assert len(toxics(api)) == 3
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=30)


def test_the_other_variant_is_refused(saleproof: Saleproof) -> None:
    """75, before anything is touched."""
    assert saleproof("up").returncode == 0
    done = saleproof(*RUN, "--variant", "fragile")
    assert done.returncode == 75
    assert "saleproof down" in done.stderr


def test_a_run_takes_down_what_it_brought_up(saleproof: Saleproof) -> None:
    """Also when it is interrupted while the shop is coming up."""
    run = saleproof.start(*RUN)
    until(lambda: any("targets.shop" in line for line in saleproof.leftovers()), within_s=20)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=30)
    assert run.returncode == 130
    until(lambda: saleproof.leftovers() == [], within_s=10)


def test_the_chaos_toolkit_runs_an_exported_experiment(saleproof: Saleproof, tmp_path: Path) -> None:
    """With its own engine and our ledger, guard and record: here as `saleproof run` of a plain experiment."""
    quick = tmp_path / "exported.json"
    exported = saleproof(
        "export",
        str(ROOT / "experiments/web-crash.yaml"),
        "--profile",
        "ci",
        "--variant",
        "resilient",
        "-o",
        str(quick),
    )
    assert exported.returncode == 0, exported.stderr
    done = saleproof("run", str(quick), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    journal = json.loads((tmp_path / "journal.json").read_text())
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    last = journal["steady_states"]["after"]["probes"][-1]
    assert last["output"]["outcome"] == "held"


def test_a_fault_that_does_not_bite_is_inconclusive(saleproof: Saleproof, tmp_path: Path) -> None:
    """A fault proxy that accepts and lists a toxic but does not delay: exit 2, not confirmed, and nothing left."""
    program = Path(__file__).with_name("lying_proxy.py")
    lying = f'    fault-proxy: ["{{python}}", "{program}", --port, "{{port}}", --config, "{{config}}"]\n'
    target = tmp_path / "targets" / "shop.yaml"
    target.parent.mkdir()
    text = (ROOT / "targets/shop.yaml").read_text()
    target.write_text(text.replace("    services:\n      db:", f"{lying}    services:\n      db:", 1))
    (tmp_path / "targets" / "shop").symlink_to(ROOT / "targets" / "shop")
    (tmp_path / "targets" / "__init__.py").touch()
    done = saleproof(*RUN, "--target", str(target), "--json")
    verdict = json.loads(done.stdout)
    assert done.returncode == 2, verdict["reasons"]
    assert [fault["confirmed"] for fault in verdict["faults"]] == [False, False, False]
    assert any("did not bite" in reason for reason in verdict["reasons"])


def test_a_fault_proxy_that_is_killed_takes_its_fault_along(saleproof: Saleproof) -> None:
    """It comes back without the toxic, and the run does not read as a pass: exit 2, gone before its end."""
    run, api, _ = started(saleproof)
    proxy = next(line for line in saleproof.leftovers() if "chaos.proxy.server" in line)
    os.kill(int(proxy.split()[0]), signal.SIGKILL)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 2, out
    assert "gone before its end" in out
    assert toxics(api) == []


def test_kill_9_while_the_shop_comes_up_leaves_nothing(saleproof: Saleproof) -> None:
    """The watchdog watches before anything is started, and takes down what there is by then."""
    run = saleproof.start(*RUN)
    until(lambda: any("targets.shop" in line for line in saleproof.leftovers()), within_s=20)
    run.kill()
    run.communicate(timeout=10)
    until(lambda: saleproof.leftovers() == [], within_s=30)


def test_a_hung_fault_proxy_does_not_hold_up_the_end_for_ever(saleproof: Saleproof) -> None:
    """It cannot be reverted: exit 3 within a minute, saying what is left; once the proxy goes on, recover cleans up."""
    run, api, _ = started(saleproof)
    proxy = int(next(line for line in saleproof.leftovers() if "chaos.proxy.server" in line).split()[0])
    os.kill(proxy, signal.SIGSTOP)
    try:
        run.send_signal(signal.SIGTERM)
        out, _ = run.communicate(timeout=90)
    finally:
        os.kill(proxy, signal.SIGCONT)
    assert run.returncode == 3, out
    assert "saleproof recover" in out
    until(lambda: saleproof("recover").returncode == 0, within_s=30)
    assert toxics(api) == []
