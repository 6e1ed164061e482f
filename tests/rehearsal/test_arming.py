"""Signed arming, with the system's own OpenSSH."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from chaos.cli import main
from chaos.errors import Refused, SpecError, Unavailable
from chaos.model.experiment import Experiment
from chaos.model.target import Target
from chaos.rehearsal import arming
from chaos.rehearsal.arming import Statement, sign, verify
from chaos.rehearsal.production import Arming, refuse_unarmed
from chaos.spec import load_experiment, load_target

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC)
UNTIL = NOW + timedelta(hours=2)


def key(folder: Path, name: str) -> Path:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(words, check=True)
    return folder / name


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Ana's is allowed, Eve's is not."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: key(folder, name) for name in ("ana", "eve")}


@pytest.fixture
def target(tmp_path: Path, keys: dict[str, Path]) -> Target:
    public = keys["ana"].with_suffix(".pub").read_text()
    (tmp_path / "armers").write_text(f"# who may\nana@example.com {public}")
    found = load_target(ROOT / "targets/shop.yaml")
    return msgspec.structs.replace(
        found, environment="production", armed_by="armers", path=str(tmp_path / "shop.yaml")
    )  # fmt: skip


@pytest.fixture
def experiment() -> Experiment:
    return load_experiment(ROOT / "tests/e2e/quick.yaml", target_file=ROOT / "targets/shop.yaml")[0]


@pytest.fixture
def signed(tmp_path: Path, target: Target, experiment: Experiment, keys: dict[str, Path]) -> Callable[..., Path]:
    def make(by: str = "ana", **other: str) -> Path:
        statement = msgspec.structs.replace(Statement.of(target, experiment, UNTIL), **other)
        file = tmp_path / "arm.sig"
        file.write_text(sign(statement, keys[by]))
        return file

    return make


def test_who_may_arms(signed: Callable[..., Path], target: Target, experiment: Experiment) -> None:
    """And the run's record says who, and until when it holds; nothing needs to be typed."""
    armed = verify(signed(), target, experiment)
    assert (armed.by, armed.until) == ("ana@example.com", UNTIL.strftime("%Y-%m-%dT%H:%M:%SZ"))
    words = refuse_unarmed(target, Arming(signed=str(signed())), experiment)
    assert words == f"ana@example.com (signed, until {armed.until})"


def test_a_key_that_is_not_allowed_arms_nothing(
    signed: Callable[..., Path], target: Target, experiment: Experiment
) -> None:
    with pytest.raises(Refused, match=r"signed by a key that is not in .*armers"):
        verify(signed(by="eve"), target, experiment)


def test_a_key_is_no_longer_allowed(signed: Callable[..., Path], target: Target, experiment: Experiment) -> None:
    """Its line is gone, or has a time that is past: OpenSSH's own words for it."""
    file, armers = signed(), Path(target.path).with_name("armers")
    text = armers.read_text()
    armers.write_text(text.replace("ana@example.com ", 'ana@example.com valid-before="20200101" '))
    with pytest.raises(Refused, match=r"not any more|not what was signed"):
        verify(file, target, experiment)
    armers.write_text("")
    with pytest.raises(Refused, match="not any more"):
        verify(file, target, experiment)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"target": "till"}, r"arms the production target 'till', and not the production target 'shop'"),
        ({"environment": "staging"}, r"arms the staging target 'shop'"),
        ({"experiment": "sha256:0"}, r"ana@example.com has signed another experiment, or .*quick.yaml was changed"),
        ({"until": "2020-01-01T00:00:00Z"}, r"what ana@example.com has signed was over at 2020"),
    ],
)
def test_it_arms_what_it_says_and_nothing_else(
    signed: Callable[..., Path], target: Target, experiment: Experiment, other: dict[str, str], said: str
) -> None:
    with pytest.raises(Refused, match=said):
        verify(signed(**other), target, experiment)


@pytest.mark.parametrize("change", [(r"until: \d+", "until: 2099"), ("experiment: sha256:.", "experiment: sha256:")])
def test_what_was_changed_after_signing_is_not_what_was_signed(
    signed: Callable[..., Path], target: Target, experiment: Experiment, change: tuple[str, str]
) -> None:
    file = signed()
    file.write_text(re.sub(*change, file.read_text()))
    with pytest.raises(Refused, match="not what was signed"):
        verify(file, target, experiment)


def test_a_signature_for_another_use_arms_nothing(
    signed: Callable[..., Path], target: Target, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that of a commit, by the same key over the same words."""
    with monkeypatch.context() as patch:
        patch.setattr(arming, "NAMESPACE", "git")
        file = signed()
    with pytest.raises(Refused, match="not what was signed"):
        verify(file, target, experiment)


@pytest.mark.parametrize("text", ["", "saleproof arm 1\n", "x" * 100_000, "saleproof arm 1\ntarget: a\ntarget: b\n"])
def test_another_file_is_no_arming(tmp_path: Path, target: Target, experiment: Experiment, text: str) -> None:
    """65, with its name."""
    (tmp_path / "x").write_text(text)
    with pytest.raises(SpecError, match=r"x: it is no signed arming; `saleproof arm` makes one"):
        verify(tmp_path / "x", target, experiment)
    with pytest.raises(SpecError, match="cannot be read"):
        verify(tmp_path / "none", target, experiment)


@pytest.mark.parametrize(
    "until", ["2036-01-01T00:00:00", "2036-01-01", "20360101T000000Z", "2036-01-01T00:00:00+01:00"]
)
def test_a_time_is_written_in_one_way(
    signed: Callable[..., Path], target: Target, experiment: Experiment, until: str
) -> None:
    """Somebody who may arm and signs by hand: without a zone, nobody knows when it is over."""
    with pytest.raises(SpecError, match="it is no signed arming"):
        verify(signed(until=until), target, experiment)


def test_what_is_longer_is_none_whatever_it_begins_with(
    signed: Callable[..., Path], target: Target, experiment: Experiment
) -> None:
    file = signed()
    file.write_text(file.read_text() + " " * 100_000)
    with pytest.raises(SpecError, match="it is no signed arming"):
        verify(file, target, experiment)


def test_signers_that_cannot_be_read_are_said(
    signed: Callable[..., Path], target: Target, experiment: Experiment
) -> None:
    file = signed()
    Path(target.path).with_name("armers").write_bytes(b"an\xe9 ssh-ed25519 AAAA\n")
    with pytest.raises(SpecError, match="armers is not UTF-8"):
        verify(file, target, experiment)
    long = msgspec.structs.replace(target, armed_by="a" * 300)
    with pytest.raises(SpecError, match="cannot be read: File name too long"):
        verify(file, long, experiment)


def test_until_when(capsys: pytest.CaptureFixture[str]) -> None:
    """64 for what is no time, past, of no zone, or beyond the calendar."""
    for text, said in {
        "soon": "write a duration", "2020-01-01T00:00Z": "that is past", "2099-01-01": "of which zone",
        "99999999h": "no calendar", "9999-12-31T23:59:59-23:00": "no calendar",
    }.items():  # fmt: skip
        assert main(["arm", "x.yaml", "--key", "x", "--until", text]) == 64
        assert said in " ".join(capsys.readouterr().err.split())


def test_without_openssh_nobody_is_believed(
    signed: Callable[..., Path], target: Target, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """69, never armed."""
    file = signed()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match="there is no ssh-keygen here"):
        verify(file, target, experiment)


def test_a_name_is_not_enough_where_signers_are_named(target: Target, experiment: Experiment) -> None:
    """In a pipeline; a person who types it on a terminal is one."""
    with pytest.raises(Refused, match=r"its name is not enough .*--arm-signed FILE"):
        refuse_unarmed(target, Arming(name="shop"), experiment)
    with pytest.raises(Refused, match="'shoop' is not its name"):
        refuse_unarmed(target, Arming(name="shoop", typed=True), experiment)
    assert refuse_unarmed(target, Arming(name="shop", typed=True), experiment)


def test_a_target_that_names_no_signers_takes_no_signature(
    signed: Callable[..., Path], target: Target, experiment: Experiment
) -> None:
    """It says where to name them; one whose file of them is not there says so."""
    nobody = msgspec.structs.replace(target, armed_by="")
    with pytest.raises(Refused, match="add armed-by: FILE"):
        refuse_unarmed(nobody, Arming(signed=str(signed())), experiment)
    Path(target.path).with_name("armers").unlink()
    with pytest.raises(SpecError, match="there is no file"):
        refuse_unarmed(target, Arming(signed=str(signed())), experiment)
