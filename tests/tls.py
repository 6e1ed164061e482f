"""Certificates for the tests, made by openssl: an authority of one's own, and what it signs."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A certificate and its key, as files."""

    cert: Path
    key: Path


class Authority:
    """Signs with elliptic curves: keys are there at once."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self.cert, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        request = ("-x509", "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE", "-out", str(self.cert))
        _openssl("req", *_new(self._key, name), *request)

    def sign(self, name: str, names: str, *, days: int = 2) -> Signed:
        """`names` as openssl has them: `IP:127.0.0.1`, `DNS:prometheus`. With `days=-1` it is over already."""
        found = Signed(cert=self._folder / f"{name}.pem", key=self._folder / f"{name}.key")
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", *_new(found.key, name), "-out", str(request))
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(self.cert), "-CAkey", str(self._key), "-CAcreateserial",
            "-extfile", str(extensions), "-days", str(days), "-out", str(found.cert),
        )  # fmt: skip
        return found

    def lock(self, key: Path, locked: Path, passphrase: str) -> None:
        """The same key, behind a passphrase."""
        _openssl("ec", "-in", str(key), "-aes256", "-passout", f"pass:{passphrase}", "-out", str(locked))


def _new(key: Path, name: str) -> tuple[str, ...]:
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    return (*curve, "-keyout", str(key), "-subj", f"/CN={name}")


def _openssl(*words: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl on PATH to make certificates with")
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
