"""The way in and the way out: help, usage errors, exit codes. Whole commands, as a person types them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def saleproof(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Run a command in the checkout with a state folder of its own."""
    import os

    def run(*words: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "chaos", *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "SALEPROOF_STATE": str(tmp_path / "state"), "NO_COLOR": "1", **env},
        )  # fmt: skip

    return run


def test_every_command_has_help_with_examples(saleproof) -> None:  # type: ignore[no-untyped-def]
    """--help of each subcommand exits with 0 and shows how it is used."""
    from chaos.cli import COMMANDS

    for command in COMMANDS:
        done = saleproof(command, "--help")
        assert done.returncode == 0, done.stderr
        assert f"saleproof {command}" in done.stdout.split("examples:")[1]


def test_a_misspelt_command_names_the_nearest(saleproof) -> None:  # type: ignore[no-untyped-def]
    """Usage is 64, one line, on stderr."""
    done = saleproof("rnu")
    assert done.returncode == 64
    assert "Did you mean 'run'?" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_misspelt_option_names_the_nearest(saleproof) -> None:  # type: ignore[no-untyped-def]
    """The same for options."""
    done = saleproof("runs", "--jsno")
    assert done.returncode == 64
    assert "Did you mean '--json'?" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("runs",), ("show",), ("judge",), ("export", "last", "--hdr", "there"), ("slo", "status", "targets/shop.yaml"),
    ],
)  # fmt: skip
def test_a_store_that_is_not_there_is_not_made_to_read_it(saleproof, tmp_path: Path, words: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    """A mistyped SALEPROOF_STORE is 64 and says its path."""
    store = tmp_path / "mistyped" / "runs.db"
    done = saleproof(*words, SALEPROOF_STORE=str(store))
    assert done.returncode == 64, done.stderr
    assert f"no store at {store}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not store.parent.exists()


def test_before_the_first_run_there_is_nothing_wrong(saleproof) -> None:  # type: ignore[no-untyped-def]
    """Our own store begins empty."""
    done = saleproof("runs", SALEPROOF_STORE="")
    assert done.returncode == 0, done.stderr
    assert "nothing recorded yet" in done.stdout


def test_a_damaged_store_is_a_bad_file(saleproof, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """65, one line that says what to do."""
    (tmp_path / "runs.db").write_bytes(b"nonsense" * 8192)
    done = saleproof("runs", SALEPROOF_STORE=str(tmp_path / "runs.db"))
    assert done.returncode == 65, done.stderr
    assert "damaged" in done.stderr
    assert "move it away" in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_command_is_usage(saleproof) -> None:  # type: ignore[no-untyped-def]
    """64, not argparse's 2, which means inconclusive here."""
    assert saleproof().returncode == 64


def test_a_misspelt_fault_is_exit_65_with_file_line_and_nearest(saleproof, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """As the issue shows it."""
    text = (ROOT / "experiments/db-latency-spike.yaml").read_text().replace("- latency:", "- latancy:")
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    line = 1 + text[: text.index("latancy")].count("\n")
    done = saleproof("validate", str(file), "--target", str(ROOT / "targets/shop.yaml"))
    assert done.returncode == 65
    assert f"bad.yaml:{line}:" in done.stderr
    assert "'latency'" in done.stderr


@pytest.mark.parametrize("content", [None, b"an\xe9 ssh-ed25519 AAAA"], ids=["not there", "no text"])
def test_a_file_of_signers_that_is_not_right_is_said_before_it_is_needed(
    saleproof,
    tmp_path: Path,
    content: bytes | None,  # type: ignore[no-untyped-def]
) -> None:
    """`validate` of the target, and of an experiment on it, and `plan`: 65, one sentence with file and line."""
    text = (ROOT / "targets/shop.yaml").read_text()
    target = tmp_path / "targets" / "shop.yaml"
    target.parent.mkdir()
    target.write_text(text.replace("environment: local\n", "environment: production\narmed-by: armers\n"))
    line = target.read_text().splitlines().index("armed-by: armers") + 1
    if content is not None:
        target.with_name("armers").write_bytes(content)
    experiment = str(ROOT / "experiments/web-crash.yaml")
    for words in (
        ("validate", str(target)), ("validate", experiment, "--target", str(target)),
        ("plan", experiment, "--target", str(target)),
    ):  # fmt: skip
        done = saleproof(*words)
        assert done.returncode == 65, done.stderr
        assert f"{target}:{line}: armed-by: " in done.stderr
        assert done.stderr.count("\n") == 1
        assert str(target.with_name("armers")) in done.stderr


def test_validate_looks_at_every_file(saleproof, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A bad file does not hide the others."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("title: [")
    good = ROOT / "experiments/web-crash.yaml"
    done = saleproof("validate", "--json", str(bad), str(good))
    assert done.returncode == 65
    assert [r["valid"] for r in json.loads(done.stdout)] == [False, True]


def test_a_missing_file_is_one_line(saleproof) -> None:  # type: ignore[no-untyped-def]
    """No traceback."""
    done = saleproof("run", "nowhere.yaml")
    assert done.returncode == 65
    assert "Traceback" not in done.stderr
    assert "nowhere.yaml" in done.stderr


def test_completion_is_a_script_that_bash_accepts(saleproof) -> None:  # type: ignore[no-untyped-def]
    """`bash -n` reads it, and it knows the subcommands."""
    script = saleproof("completion", "bash").stdout
    assert "validate" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_show_without_runs_says_what_to_do(saleproof) -> None:  # type: ignore[no-untyped-def]
    """An empty store is a usage question, not a crash."""
    assert saleproof("show", "last").returncode == 64
    done = saleproof("runs")
    assert done.returncode == 0
    assert "nothing recorded yet" in done.stdout
    assert saleproof("runs", "--json").stdout.strip() == "[]"


def test_recover_with_an_empty_ledger(saleproof) -> None:  # type: ignore[no-untyped-def]
    """Nothing to do is success."""
    done = saleproof("recover")
    assert (done.returncode, done.stdout.strip()) == (0, "nothing to recover: the ledger is empty")


def test_down_and_status_of_a_shop_that_is_not_up(saleproof) -> None:  # type: ignore[no-untyped-def]
    """down is idempotent; status says so with 69."""
    assert saleproof("down").returncode == 0
    done = saleproof("status", "--json")
    assert done.returncode == 69
    assert json.loads(done.stdout)["up"] is False


def test_an_unknown_variant_names_the_nearest(saleproof) -> None:  # type: ignore[no-untyped-def]
    """Before anything is started."""
    done = saleproof("run", "experiments/web-crash.yaml", "--variant", "fragil")
    assert done.returncode == 64
    assert "Did you mean 'fragile'?" in done.stderr


def test_a_run_that_cannot_decide_is_inconclusive_before_it_begins(saleproof, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Exit 2, nothing is started, and it says for each sentence what it would take; `plan` says the same."""
    text = (ROOT / "experiments/db-latency-spike.yaml").read_text()
    path = tmp_path / "short.yaml"
    path.write_text(text.replace("after: 60s", "after: 20s").replace("for: 60s", "for: 20s"))
    target = ("--target", "targets/shop.yaml", "--platform", "embedded")
    done = saleproof("run", str(path), *target)
    assert done.returncode == 2
    assert "cannot decide `availability >= 99.9%`: that takes 2,995 samples" in done.stderr
    assert re.search(r"let the fault last \d+s", done.stderr)
    assert "Traceback" not in done.stderr
    planned = saleproof("plan", str(path), *target, "--json")
    assert planned.returncode == 2
    by = {(d["window"], d["condition"]): d for d in json.loads(planned.stdout)["decisions"]}
    during = by["during 1", "availability >= 99.9%"]
    assert (during["enough"], during["outage_s"]) == (False, 0.5)


def test_a_ledger_that_cannot_be_read_is_never_called_empty(saleproof, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """`recover` exits with 3 and says so, `doctor` has a problem, `halt` exits with 3, and no run begins."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "ledger").write_text("")
    recover = saleproof("recover")
    assert (recover.returncode, recover.stdout) == (3, "")
    assert "the ledger cannot be read" in recover.stderr
    assert "problem  ledger" in saleproof("doctor").stdout
    assert saleproof("run", "experiments/db-latency-spike.yaml", "--platform", "embedded").returncode == 3
    assert saleproof("halt", "--timeout", "0s").returncode == 3


@pytest.mark.parametrize("words", [("down",), ("up", "--platform", "embedded"), ("run", "experiments/no-fault.yaml")])
def test_a_state_folder_that_does_not_take_it_is_one_line(saleproof, tmp_path: Path, words: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    """On a disk that is read-only, or another user's: which file, why, and whose fault it is not. Here a file is where
    a folder is to be."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    for name in ("locks", "embedded"):
        (state / name).write_text("")
    done = saleproof(*words, DOCKER_HOST="unix:///there/is/none")
    assert done.returncode == 70
    assert str(state) in done.stderr.splitlines()[-1]
    assert "internal error" not in done.stderr


def test_recover_says_what_became_of_the_faults_whatever_else_it_cannot_look_at(saleproof, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Nothing to recover is 0, also where the notes of attached proxies cannot be read."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "attached").write_text("")
    done = saleproof("recover", "--json")
    assert json.loads(done.stdout)["stuck"] == []
    assert done.returncode == 0
    assert "what was attached to projects could not be looked at" in done.stderr


def test_counts_have_an_end(saleproof) -> None:  # type: ignore[no-untyped-def]
    """More than a database can count is usage, not an error of ours."""
    done = saleproof("runs", "--limit", "9" * 5000)
    assert (done.returncode, "must be a whole number from 1 to" in done.stderr) == (64, True)
    assert len(done.stderr) < 200


def test_closed_streams_are_no_error(tmp_path: Path) -> None:
    """As a daemon or a scheduler may start it: the exit code is the same, and no file gets what others write there."""
    import os

    command = f"{sys.executable} -m chaos recover"
    for closed in (">&-", "2>&-", "<&- >&- 2>&-"):
        environment = {**os.environ, "SALEPROOF_STATE": str(tmp_path / "state")}
        done = subprocess.run(
            ["bash", "-c", f"{command} {closed}"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
            env=environment,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), closed
