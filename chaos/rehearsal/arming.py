"""A signed arming: somebody's word, by their SSH key, that an experiment may run on a production target until a time.

OpenSSH makes and checks the signature; nothing of that is our own. The file is the statement as plain text, with the
signature of `ssh-keygen -Y sign` below it.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from chaos.errors import Refused, SpecError, Unavailable
from chaos.model.base import Noun
from chaos.spec.signers import signers_file

if TYPE_CHECKING:
    from chaos.model.experiment import Experiment
    from chaos.model.target import Target

# So that no signature for anything else (a commit, a package) can be taken for one of these, nor the other way round.
NAMESPACE = "saleproof-arm"
FIRST_LINE = "saleproof arm 1"
SIGNATURE = "-----BEGIN SSH SIGNATURE-----"
# A file that is longer is none of ours.
BYTES_MAX = 64_000
ANSWERS_WITHIN_S = 15.0
TIME = "%Y-%m-%dT%H:%M:%SZ"


class Statement(Noun):
    """What is signed. `experiment` is the SHA-256 of the file's text; `until` is UTC, whole seconds, ISO 8601."""

    target: str
    environment: str
    experiment: str
    until: str

    @classmethod
    def of(cls, target: Target, experiment: Experiment, until: datetime) -> Self:
        return cls(
            target=target.name, environment=target.environment, experiment=digest(experiment.text),
            until=until.astimezone(UTC).strftime(TIME),
        )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises: ValueError for anything but exactly one of ours."""
        words = dict(line.partition(": ")[::2] for line in text.splitlines()[1:])
        if set(words) != set(cls.__struct_fields__) or (found := cls(**words)).text != text:
            raise ValueError("it is not what is signed")
        datetime.strptime(found.until, TIME)
        return found

    @property
    def over(self) -> bool:
        return datetime.strptime(self.until, TIME).replace(tzinfo=UTC) <= datetime.now(UTC)

    @property
    def text(self) -> str:
        lines = [f"{name}: {getattr(self, name)}" for name in self.__struct_fields__]
        return "\n".join([FIRST_LINE, *lines, ""])


class Armed(Noun):
    """By whom, as the file of allowed signers calls them, and until when a run may begin."""

    by: str
    until: str

    def __str__(self) -> str:
        return f"{self.by} (signed, until {self.until})"


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def sign(statement: Statement, key: Path) -> str:
    """The whole file. A passphrase is asked for by OpenSSH itself. Raises: Unavailable."""
    done = _ssh_keygen("sign", "-f", str(key), "-n", NAMESPACE, data=statement.text, within_s=None)
    if done.returncode or SIGNATURE not in done.stdout:
        raise Unavailable(f"ssh-keygen does not sign with {key}: {_said(done)}")
    return statement.text + done.stdout


def verify(file: Path, target: Target, experiment: Experiment, *, called: str = "") -> Armed:
    """`called` is the file, for people. Raises: SpecError for one that is none of ours; Refused, saying what of it
    does not fit; Unavailable."""
    statement, signature = _read(file)
    signers = allowed_signers(target)
    called = called or str(file)
    by = _signer(called, statement, signature, signers)
    again = "; have it signed again: saleproof arm --help"
    if statement.target != target.name or statement.environment != target.environment:
        arms = f"it arms the {statement.environment} target '{statement.target}'"
        raise Refused(f"{called}: {arms}, and not the {target.environment} target '{target.name}'")
    if statement.experiment != digest(experiment.text):
        raise Refused(f"{called}: {by} has signed another experiment, or {experiment.path} was changed since{again}")
    if statement.over:
        raise Refused(f"{called}: what {by} has signed was over at {statement.until}{again}")
    return Armed(by=by, until=statement.until)


def allowed_signers(target: Target) -> Path:
    """The file that the target names. Raises: Refused when it names none; SpecError when it cannot be read."""
    path = signers_file(target)
    if path is None:
        raise Refused(
            f"{target.path}: it does not say whose signature arms '{target.name}'; add armed-by: FILE, in the format "
            "of ssh-keygen's allowed signers"
        )
    return path


def _read(file: Path) -> tuple[Statement, str]:
    try:
        with file.open("rb") as opened:
            data = opened.read(BYTES_MAX + 1)
        said, mark, signature = data.decode().partition(SIGNATURE)
        statement = Statement.parse(said if len(data) <= BYTES_MAX else "")
        return statement, mark + signature
    except OSError as cause:
        raise SpecError(f"it cannot be read: {cause.strerror}", path=file) from cause
    except ValueError as cause:
        raise SpecError("it is no signed arming; `saleproof arm` makes one", path=file) from cause


def _signer(called: str, statement: Statement, signature: str, signers: Path) -> str:
    """Whose signature it is, by the keys that are allowed now. Raises: Refused, Unavailable."""
    with tempfile.NamedTemporaryFile("w", suffix=".sig", encoding="utf-8") as kept:
        kept.write(signature)
        kept.flush()
        known = _ssh_keygen("find-principals", "-s", kept.name, "-f", str(signers))
        for by in known.stdout.splitlines() if known.returncode == 0 else ():
            done = _ssh_keygen(
                "verify", "-f", str(signers), "-I", by, "-n", NAMESPACE, "-s", kept.name, data=statement.text
            )
            if done.returncode == 0:
                return by
        if known.returncode == 0:
            raise Refused(f"{called}: that is not what was signed: it was changed, or the signature is for another use")
    raise Refused(f"{called}: it is signed by a key that is not in {signers}, or not any more")


def _ssh_keygen(
    verb: str, *words: str, data: str = "", within_s: float | None = ANSWERS_WITHIN_S
) -> subprocess.CompletedProcess[str]:
    """Raises: Unavailable without OpenSSH."""
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", verb, *words], input=data, capture_output=True, encoding="utf-8", errors="replace",
            check=False, timeout=within_s,
        )  # fmt: skip
    except OSError as cause:  # not there, or not to be run
        raise Unavailable("there is no ssh-keygen here; a signed arming needs OpenSSH 8.2 or newer") from cause
    except subprocess.TimeoutExpired as cause:
        raise Unavailable(f"ssh-keygen -Y {verb} gives no answer within {ANSWERS_WITHIN_S:g} s") from cause


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
