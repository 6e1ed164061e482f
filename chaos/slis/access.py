"""How a Prometheus server is reached: the target file's names, filled in from the environment and from files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chaos.errors import Unavailable
from chaos.model.prometheus import PrometheusServer
from chaos.slis.tls import check_authority, check_client

# `${NAME}`, as shells and Compose files write it.
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# What goes into a header as it is, by RFC 6750 and a little beyond.
_TOKEN = re.compile(r"[!-~]*")
# A password or a token is one line; a longer file is another one.
SECRET_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Everything that a request needs. Secrets are kept out of its `repr`, and so out of every message."""

    url: str  # without a slash at its end
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca: str = ""
    cert: str = ""
    key: str = ""
    insecure: bool = False
    timeout_s: float = 2.0
    secret_from: str = ""  # where the password or the token was found, for people

    @classmethod
    def of(cls, server: PrometheusServer, environment: Mapping[str, str]) -> Access:
        """Raises: Unavailable for a variable that is not set, or a file that cannot be read."""

        def said(text: str, key: str) -> str:
            return fill(text, environment, f"prometheus.{key}")

        url = said(server.url, "url").rstrip("/")
        if not re.match(r"https?://[^/]", url):
            raise Unavailable(f"prometheus.url is {url!r}; it begins with http:// or https:// and a host")
        if "@" in url.split("://", 1)[1].split("/", 1)[0]:
            raise Unavailable("prometheus.url holds a user or a password; say them as username and password")
        files = {key: said(getattr(server, key), key) for key in ("ca", "cert", "key")}
        for key, name in files.items():
            if name and not Path(name).is_file():
                raise Unavailable(f"prometheus.{key}: there is no file {name}")
        if files["ca"]:
            check_authority(files["ca"])
        if files["cert"]:
            check_client(files["cert"], files["key"])
        password_file, token_file = said(server.password_file, "password-file"), said(server.token_file, "token-file")
        token = said(server.token, "token").strip() or _secret(token_file)
        if not _TOKEN.fullmatch(token):
            where = server.token or token_file
            raise Unavailable(f"prometheus.token in {where} holds what no token has: blanks, or letters beyond ASCII")
        return cls(
            url=url,
            username=said(server.username, "username"),
            password=said(server.password, "password").rstrip("\r\n") or _secret(password_file),
            token=token,
            insecure=server.insecure,
            timeout_s=float(server.timeout),
            secret_from=server.token or token_file or server.password or password_file,
            **files,
        )


def fill(text: str, environment: Mapping[str, str], where: str) -> str:
    """Raises: Unavailable for a variable that is not set; an empty one is not set either."""
    for name in VARIABLE.findall(text):
        if not environment.get(name):
            # Not `prometheus.password: ...`: what stands behind that is taken for a password, and masked.
            raise Unavailable(f"the environment variable {name} is not set, which {where} is taken from")
    return VARIABLE.sub(lambda found: environment[found[1]], text)


def _secret(path: str) -> str:
    """A file's text without the line's end. Raises: Unavailable."""
    if not path:
        return ""
    try:
        with Path(path).open("rb") as file:
            text = file.read(SECRET_BYTES_MAX).decode().strip()
    except (OSError, UnicodeDecodeError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else "it is not text"
        raise Unavailable(f"{path} cannot be read: {reason}") from cause
    if not text or "\n" in text:
        raise Unavailable(f"{path} holds {'nothing' if not text else 'several lines'}, and one secret was expected")
    return text
