"""TLS to a Prometheus server: the certificates that are trusted and shown, and in words why a handshake failed."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from chaos.errors import Unavailable

# Of OpenSSL's x509_vfy.h: what is wrong with the server's certificate.
_STRANGERS = frozenset({18, 19, 20, 21})  # self-signed, or signed by nobody who is known
_NOT_YET, _OVER = 9, 10
_OTHER_NAMES = frozenset({62, 64})  # host name, IP address


def machine_authorities() -> str | bool:
    """Those that this machine trusts, as a file or a folder; SSL_CERT_FILE and SSL_CERT_DIR say others. True, which
    stands for those that come with `requests`, where there are none."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return paths.cafile
    return paths.capath if paths.capath and any(Path(paths.capath).glob("*.[0-9]")) else True


def check_authority(file: str) -> None:
    """Raises: Unavailable for a file of certificates to trust that holds none."""
    try:
        ssl.create_default_context(cafile=file)
    except OSError as cause:
        raise Unavailable(f"prometheus.ca: {file} {_wrong(cause, 'certificate')}") from cause


def check_client(cert: str, key: str) -> None:
    """Raises: Unavailable for a certificate of ours that cannot be shown, because of itself or of its key."""

    def ask() -> bytes:
        # Else OpenSSL asks for it on the terminal, in the middle of a run.
        locked.append(True)
        return b""

    locked: list[bool] = []
    try:
        ssl.create_default_context().load_cert_chain(cert, key or None, ask)
    except OSError as cause:
        name, file = ("key", key) if key else ("cert", cert)
        if locked:
            wrong = "is locked by a passphrase, and nobody is there to type it; name a file with the key unlocked"
        elif getattr(cause, "reason", "") == "KEY_VALUES_MISMATCH":
            wrong = f"is not the key of {cert}" if key else "holds a key, and it is another certificate's"
        elif isinstance(cause, ssl.SSLError) and not _holds(cert, b"CERTIFICATE-----"):
            name, file, wrong = "cert", cert, "holds no certificate in PEM form"
        elif isinstance(cause, ssl.SSLError) and not key and not _holds(cert, b"PRIVATE KEY-----"):
            wrong = "holds no key; name the file that does as prometheus.key"
        else:
            wrong = _wrong(cause, "key")
        raise Unavailable(f"prometheus.{name}: {file} {wrong}") from cause


def why(cause: BaseException | None, url: str, *, ca: str, cert: str) -> str:
    """Why there is no TLS with that server, and what to set. Empty where nothing better can be said than it says."""
    host = urlsplit(url).hostname or ""
    if isinstance(cause, ssl.SSLCertVerificationError):
        code = cause.verify_code
        if code in _STRANGERS and ca:
            return f"its certificate is signed by nobody in {ca}; see prometheus.ca in the target file"
        if code in _STRANGERS:
            return (
                "its certificate is signed by nobody whom this machine trusts; name the file with the certificate of "
                "who signed it as prometheus.ca in the target file"
            )
        if code in _OTHER_NAMES:
            return f"its certificate is not for {host}; say a name that is in it in prometheus.url"
        if code == _OVER:
            return "its certificate is no longer valid; the server needs a new one"
        if code == _NOT_YET:
            return "its certificate is not valid yet; is this machine's clock right?"
        return f"its certificate is not believed: {cause.verify_message}"
    reason = str(getattr(cause, "reason", "") or "")
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "it does not speak TLS there; does prometheus.url begin with http:// ?"
    alerts = ("BAD_CERTIFICATE", "CERTIFICATE_REQUIRED", "UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "HANDSHAKE_FAILURE")
    if any(reason.endswith(alert) for alert in alerts) or (cert and isinstance(cause, ssl.SSLEOFError)):
        if cert:
            return f"it does not take our certificate, {cert}; see prometheus.cert and prometheus.key"
        return "it wants a certificate of ours; name its file as prometheus.cert, and its key's as prometheus.key"
    return ""


def _wrong(cause: OSError, what: str) -> str:
    if isinstance(cause, ssl.SSLError) or cause.strerror is None:
        return f"holds no {what} in PEM form"
    return f"cannot be read: {os.strerror(cause.errno) if cause.errno else cause.strerror}"


def _holds(file: str, what: bytes) -> bool:
    try:
        return what in Path(file).read_bytes()
    except OSError:
        return True
