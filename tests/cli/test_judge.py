"""`saleproof judge` and the statistics behind a verdict, on a run that was written into the store by hand."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chaos.cli import main
from chaos.engine.lock import TargetLock
from chaos.store import Store

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "targets" / "shop.yaml"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def make() -> Any:
    """The builder of tests/judge."""
    spec = importlib.util.spec_from_file_location("journals_for_cli", ROOT / "tests" / "judge" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module.Make


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Record a story as if it had been run; answers its id."""
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()

    def write(story: Any, **plan: Any) -> str:
        journal = dataclasses.replace(story.journal())
        run = msgspec.structs.replace(journal.run, target_text=TARGET.read_text())
        with Store.open() as store:
            recorder = store.record(run, msgspec.structs.replace(journal.plan, **plan))
            for event in journal.events:
                recorder.event(event)
            for sample in journal.samples:
                recorder.sample(sample)
            recorder.requests(journal.requests)
            if story.status is not None:
                recorder.finish(story.status)
            recorder.close()
        return str(run.id)

    return write


@pytest.fixture
def saleproof(capsys: pytest.CaptureFixture[str]) -> Run:
    """A command: its exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[..., str]:
    """An experiment file with other objectives."""

    def write(hypothesis: str, during: str = "", target: str = "shop") -> str:
        path = tmp_path / "other.yaml"
        text = f"title: Other\ntarget: {target}\nhypothesis: [{hypothesis}]\n"
        text += f"during: [{during}]\n" if during else ""
        path.write_text(text + "method:\n  - latency: {link: web -> db, delay: 300ms, for: 30s}\n")
        return str(path)

    return write


@pytest.mark.parametrize("command", ["judge", "show"])
def test_a_run_that_goes_on_is_not_judged_yet(
    keep: Any, make: Any, saleproof: Run, tmp_path: Path, command: str
) -> None:
    """Its record breaks off where a killed one's does: nobody is to read that its faults were left in place."""
    name = keep(make.Story().until(30.0))
    with TargetLock(tmp_path / "state" / "locks", "shop", f"run {name}"):
        code, out, err = saleproof(command, "last")
        assert (code, out) == (75, "")
        assert err.startswith(f"saleproof: {name} is under way, and is judged when it is over; ")
    assert "crashed" in saleproof(command, "last")[1]


def test_the_same_record_gives_the_same_bytes(make: Any, keep: Any, saleproof: Run) -> None:
    """`judge last --json | sha256sum`, twice; also by other objectives."""
    keep(make.Story().slow("during 1", 0.2, 2.6))
    assert saleproof("judge", "last", "--json") == saleproof("judge", "last", "--json")
    other = ("judge", "last", "--objective", "checkout.p99 < 1s", "--json")
    assert saleproof(*other) == saleproof(*other)


def test_a_sentence_replaces_the_one_on_the_same_sli(make: Any, keep: Any, saleproof: Run) -> None:
    """What was held at 2 s deviates at 50 ms, and nothing else is asked anew."""
    keep(make.Story())
    assert saleproof("judge", "last")[0] == 0
    code, out, _ = saleproof("judge", "last", "--objective", "p99 < 45ms", "--json")
    verdict = json.loads(out)
    assert code == verdict["exit_code"] == 2  # before the fault it was not so either
    assert verdict["objectives"] == ["availability >= 99%", "p99 < 45ms"]
    assert {c["condition"] for c in verdict["checks"]} == set(verdict["objectives"])
    assert json.loads(saleproof("judge", "last", "--json")[1])["objectives"] == []


def test_another_sentence_is_asked_besides(make: Any, keep: Any, saleproof: Run) -> None:
    """In every window; a comparison with before not in that before."""
    keep(make.Story(before_s=40.0, during_s=40.0, after_s=40.0))
    words = ("--objective", "checkout.p50 < 1s", "--objective", "p95 no worse than before", "--json")
    code, out, _ = saleproof("judge", "last", *words)
    checks = json.loads(out)["checks"]
    assert code == 0
    assert [c["window"] for c in checks if c["condition"] == "checkout.p50 < 1s"] == ["before", "during 1", "after 1"]
    assert [c["window"] for c in checks if "no worse" in c["condition"]] == ["during 1", "after 1"]


def test_by_another_experiment(make: Any, keep: Any, saleproof: Run, experiment: Any) -> None:
    """Its hypothesis before and after, its `during` while the fault is on; and the screen says so."""
    keep(make.Story().slow("during 1", 0.2, 1.5))
    assert saleproof("judge", "last")[0] == 0
    code, out, _ = saleproof("judge", "last", "--with", experiment("p99 < 1s"))
    assert code == 1
    assert "judged by other objectives: p99 < 1s" in out
    code, out, _ = saleproof("judge", "last", "--with", experiment("p99 < 1s", during="p99 < 2s"), "--json")
    assert code == 0
    assert [c["condition"] for c in json.loads(out)["checks"]] == ["p99 < 1s", "p99 < 2s", "p99 < 1s"]


def test_the_record_keeps_its_own_verdict(make: Any, keep: Any, saleproof: Run) -> None:
    """Asking otherwise changes nothing that is recorded."""
    keep(make.Story())
    before = saleproof("show", "last", "--json")
    saleproof("judge", "last", "--objective", "p99 < 1ms")
    assert saleproof("show", "last", "--json") == before


def test_what_was_not_recorded_is_inconclusive(make: Any, keep: Any, saleproof: Run) -> None:
    """Nobody read the stock in that run; not held, and said in words."""
    keep(make.Story())
    code, out, _ = saleproof("judge", "last", "--objective", "stock-left >= 1")
    assert code == 2
    assert "stock-left was not recorded in this run" in " ".join(out.split())


def test_part_of_a_run_can_be_asked_too(make: Any, keep: Any, saleproof: Run) -> None:
    """The runner was killed during the fault: as bad as ever, and judged as far as it goes."""
    keep(make.Story().until(30.0))
    code, out, _ = saleproof("judge", "last", "--objective", "p99 < 1s", "--json")
    assert code == 3  # nobody has said that the fault is gone
    checks = json.loads(out)["checks"]
    assert [c["total"] > 0 for c in checks if c["condition"] == "p99 < 1s"] == [True, True, False]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--objective", "p99 > 2s"], 64, "--objective: `p99 > 2s` points the wrong way"),
        (["--objective", "chekcout.p99 < 2s"], 64, "Did you mean 'checkout'?"),
        (["--objective", "availability >= 100%"], 64, "allows nothing at all, which no number of samples can prove"),
        (["--objective", "error-rate <= 100%"], 64, "allows everything, so it can never be broken"),
        (["--with", "no-such.yaml"], 65, "no-such.yaml: there is no such file"),
        (["--profile", "ci"], 64, "--profile belongs to the experiment of --with"),
    ],
)
def test_what_cannot_be_asked_is_said(
    make: Any, keep: Any, saleproof: Run, words: list[str], code: int, said: str
) -> None:
    """One line; the run is not looked at."""
    keep(make.Story(after_s=5.0))
    got, out, err = saleproof("judge", "last", *words)
    assert (got, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


def test_another_targets_experiment_is_refused(make: Any, keep: Any, saleproof: Run, experiment: Any) -> None:
    """Its words may mean something else there; of those that are unknown here not one is the mistake."""
    run = keep(make.Story(after_s=5.0))
    for sentence in ("p99 < 1s", "basket.p99 < 1s"):
        code, _, err = saleproof("judge", "last", "--with", experiment(sentence, target="store"))
        assert code == 65
        assert err.count("\n") == 1
        assert f"other.yaml:2: target: asks for 'store', and the target file in the record of {run} describes" in err


def test_what_the_target_had_not_when_the_run_was_made_is_said_to_be_unknown_to_its_record(
    make: Any, keep: Any, saleproof: Run, experiment: Any
) -> None:
    """Today's target file may well have it."""
    run = keep(make.Story(after_s=5.0))
    for words, code in ((("--objective", "queue < 5"), 64), (("--with", experiment('"queue < 5"')), 65)):
        got, _, err = saleproof("judge", "last", *words)
        assert got == code
        assert err.count("\n") == 1
        assert "unknown SLI 'queue'" in err
        assert "stock-left, throughput, transactions." in err
        assert err.endswith(f"The record of {run} has no other.\n")


def test_a_run_of_the_chaos_toolkits_engine_has_no_objectives_of_ours(make: Any, keep: Any, saleproof: Run) -> None:
    """There is no traffic of ours in its record."""
    keep(make.Story(after_s=5.0), target="", platform="chaostoolkit")
    code, _, err = saleproof("judge", "last", "--objective", "p99 < 1s")
    assert code == 64
    assert "there is no traffic of ours to judge" in err


def test_statistics_are_there_on_demand(make: Any, keep: Any, saleproof: Run) -> None:
    """Bounds, e-values, what is needed, seeds, blocks and the table of bursts; not without being asked for."""
    conditions = (make.availability(), make.no_worse())
    keep(make.Story(conditions=conditions, before_s=40.0, during_s=40.0, after_s=40.0).fail("during 1", 0.2))
    for command in ("show", "judge"):
        plain = " ".join(saleproof(command, "last")[1].split())
        assert "sequential test" not in plain
        full = " ".join(saleproof(command, "last", "--statistics")[1].split())
        for words in (
            "E >= m / alpha = 4 / 0.01 = 400", "with 95 % confidence; budget 1 %", "of 400 needed, reached ",
            "seed 7 for the run", "moving-block bootstrap: 4 and 4 blocks of 10 s, 200 resamples, seed ",
            "held is wrong at most 5 % 49 % 70 % 83 %", "change point 0.00 s",
        ):  # fmt: skip
            assert words in full, words
